"""Files mapped into memory, whose pages are let go as soon as they have been read.

A page of a mapped file counts as memory of the process from the first look at it until somebody lets it go. What is
let go comes back from the file at the next look: the content cannot change by it, only the time of the next look.
"""

from __future__ import annotations

import bisect
import errno
import mmap
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_LET_GO: int | None = getattr(mmap, "MADV_DONTNEED", None)
"""The advice that unmaps pages; nothing where the system does not know it, which then keeps them as it likes."""

_NO_RESERVING = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""What a file system says that cannot reserve room."""

_opened: list[tuple[int, weakref.ref[mmap.mmap]]] = []
"""The mappings made here, by address. Only shared mappings of files may be let go: other memory would be lost."""

FEWEST = 64
_limit = [FEWEST]
"""From how many mappings on those that are gone are looked for: the work for each stays the same, however many."""

_lock = threading.Lock()


def map_file(path: Path, *, writable: bool = False) -> mmap.mmap:
    """The bytes of a file that is not empty, shared with the file."""
    with path.open("r+b" if writable else "rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
    with _lock:
        _remember(mapping)
    return mapping


def _remember(mapping: mmap.mmap) -> None:
    """Note where a mapping lies; those that are gone are forgotten now and then, and at once where it lies now."""
    start = np.frombuffer(mapping, dtype=np.uint8).ctypes.data
    if len(_opened) >= _limit[0]:
        _opened[:] = [item for item in _opened if item[1]() is not None]
        _limit[0] = max(FEWEST, 2 * len(_opened))
    first = bisect.bisect_left(_opened, start, key=_address)
    stop = bisect.bisect_left(_opened, start + len(mapping), key=_address)
    _opened[first:stop] = [(start, weakref.ref(mapping))]


def mapped_zeros(path: Path, dtype: npt.DTypeLike, rows: int) -> npt.NDArray[Any]:
    """A new array of ``rows`` zeros that lies in the file ``path``, shape (rows,).

    Raises:
        OSError: There is no room for it.
    """
    kind = np.dtype(dtype)
    with path.open("wb") as file:
        _reserve(file.fileno(), max(1, rows) * kind.itemsize)
    return np.frombuffer(map_file(path, writable=True), dtype=kind, count=rows)


def _reserve(file: int, size: int) -> None:
    """Give an empty file ``size`` zeros, and their room on the disk: a write to a mapping without room ends all."""
    try:
        os.posix_fallocate(file, 0, size)
    except (AttributeError, OSError) as error:  # a system, or a file system, that cannot
        if isinstance(error, OSError) and error.errno not in _NO_RESERVING:
            raise
        os.truncate(file, size)


def let_go(data: pa.Array | npt.NDArray[Any]) -> None:
    """Let go of the pages that ``data`` lies in; nothing happens where it lies in no mapped file."""
    if isinstance(data, np.ndarray):
        _let_go(data.__array_interface__["data"][0], data.nbytes)
        return
    for buffer in data.buffers():
        if buffer is not None:
            _let_go(buffer.address, buffer.size)


def passing(chunks: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """The chunks one after the other; each is let go when the next one is asked for."""
    for chunk in chunks:
        yield chunk
        let_go(chunk)


def _let_go(address: int, size: int) -> None:
    with _lock:
        place = bisect.bisect_right(_opened, address, key=_address) - 1
        first, held = _opened[place] if place >= 0 else (0, _nothing)
    mapping = held()
    if mapping is not None and address + size <= first + len(mapping) and size and _LET_GO is not None:
        start = (address - first) // mmap.PAGESIZE * mmap.PAGESIZE
        mapping.madvise(_LET_GO, start, address - first + size - start)


def _address(item: tuple[int, object]) -> int:
    return item[0]


def _nothing() -> None:
    return None
