"""Runs of tokens by hash: where given ones stand in documents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.mixing import GOLDEN, mix, mix_array

Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
_FIRST_BITS, _RUN_BITS = np.uint64((1 << 16) - 1), np.uint64((1 << 20) - 1)


def ngram_hashes(hashes: Hashes, places: Integers, length: int) -> Hashes:
    """Hash of the ``length`` tokens from each of ``places``; they must lie within ``hashes``."""
    value = hashes[places]
    for offset in range(1, length):
        value = mix_array(value * GOLDEN + hashes[places + offset])
    return mix_array(value + np.uint64(length))


def find(
    hashes: Hashes, offsets: Integers, wanted: Hashes, firsts: Hashes, length: int
) -> tuple[Integers, Integers, Integers]:
    """(index in ``wanted``, document, place) of every run that is one of ``wanted``, in order of places.

    Args:
        hashes: Tokens of the documents.
        offsets: Document i owns ``hashes[offsets[i]:offsets[i + 1]]``.
        wanted: Hashes of runs, ascending.
        firsts: Hashes of the tokens that they begin with: all others are passed over.
        length: Tokens in each run.
    """
    begins, present = np.zeros(int(_FIRST_BITS) + 1, np.bool_), np.zeros(int(_RUN_BITS) + 1, np.bool_)
    begins[(firsts & _FIRST_BITS).astype(np.int64)] = True
    present[(wanted & _RUN_BITS).astype(np.int64)] = True
    room = 4096
    while True:
        out = np.empty((3, room), dtype=np.int64)
        used = _find(hashes, offsets, wanted, (begins, present), length, out)
        if used <= room:
            return out[0, :used], out[1, :used], out[2, :used]
        room = used


@compiled
def _find(  # noqa: PLR0913, PLR0917 - the state of one loop
    hashes: Hashes,
    offsets: Integers,
    wanted: Hashes,
    filters: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    length: int,
    out: Integers,
) -> int:
    """Write what is found as far as ``out`` has room; gives how much there is."""
    begins, present = filters
    used = 0
    for row in range(offsets.size - 1):
        for place in range(offsets[row], offsets[row + 1] - length + 1):
            value = hashes[place]
            if not begins[value & _FIRST_BITS]:
                continue
            for step in range(1, length):
                value = mix(value * GOLDEN + hashes[place + step])
            value = mix(value + np.uint64(length))
            if not present[value & _RUN_BITS]:
                continue
            index = np.searchsorted(wanted, value)
            if index < wanted.size and wanted[index] == value:
                if used < out.shape[1]:
                    out[0, used], out[1, used], out[2, used] = index, row, place
                used += 1
    return used
