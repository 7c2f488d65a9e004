"""New files, compressed as a whole where the old ones were; the same content gives the same bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa


@contextmanager
def packed(path: Path, compression: str | None) -> Iterator[Any]:
    """A binary sink into the new file ``path``; ``compression`` is gzip, bzip2, zstd, xz or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        file: Any = stack.enter_context(path.open("xb"))
        if compression == "gzip":
            # No name and no time: they would make every copy another file.
            file = stack.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0))
        elif compression == "bzip2":
            file = stack.enter_context(bz2.BZ2File(file, "wb"))
        elif compression == "xz":
            file = stack.enter_context(lzma.LZMAFile(file, "wb"))
        elif compression == "zstd":
            file = stack.enter_context(pa.CompressedOutputStream(pa.PythonFile(file, mode="w"), "zstd"))
        yield file
