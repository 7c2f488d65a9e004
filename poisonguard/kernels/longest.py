"""The longest of many words that lie one after the other, each behind its length in 4 bytes (little-endian)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled

LENGTH = 4


@compiled
def longest_word(data: npt.NDArray[np.uint8]) -> int:
    """Bytes of the longest word that lies in ``data`` as a whole; 0 when there is none."""
    longest, at = 0, 0
    while at + LENGTH <= len(data):
        size = 0
        for place in range(LENGTH):
            size += int(data[at + place]) << (8 * place)
        at += LENGTH + size
        if at <= len(data):
            longest = max(longest, size)
    return longest
