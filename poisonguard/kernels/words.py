"""What a word is: one class for every code point, fixed here and not by the Unicode version of the machine.

=============  ==========================================================================================
class          meaning
=============  ==========================================================================================
SEPARATOR      ends a word: white space, punctuation, symbols, control characters, private use
LETTER         part of a word: every letter, digit and mark, and whatever is not listed below
STANDALONE     a word of its own: scripts written without spaces (Han, kana, Thai, Khmer ...) and emoji
IGNORED        not there at all: zero-width characters, variation selectors, soft hyphens, tags. A copy
               with invisible characters sprinkled in is still a copy
=============  ==========================================================================================

Text is compared in NFKC and lower case (``normalised``): full-width, ligature and upper-case copies are copies.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from poisonguard.kernels.utf8 import all_among, utf8_buffers

SEPARATOR, LETTER, STANDALONE, IGNORED = 0, 1, 2, 3

_CODE_POINTS = 0x110000

# Ranges are inclusive. Compatibility forms (full-width, presentation forms) are gone after NFKC.
_SEPARATORS = (
    *((0x00, 0x2F), (0x3A, 0x40), (0x5B, 0x5E), (0x60, 0x60), (0x7B, 0xA9), (0xAB, 0xAC), (0xAE, 0xB4), (0xB6, 0xB9)),
    *((0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x02C2, 0x02C5), (0x02D2, 0x02DF), (0x037E, 0x037E)),
    *((0x0387, 0x0387), (0x055A, 0x055F), (0x0589, 0x058F), (0x05BE, 0x05BE), (0x05C0, 0x05C0), (0x05C3, 0x05C3)),
    *((0x05C6, 0x05C6), (0x05F3, 0x05F4), (0x0600, 0x060F), (0x061B, 0x061B), (0x061D, 0x061F), (0x066A, 0x066D)),
    *((0x06D4, 0x06D4), (0x0700, 0x070D), (0x0964, 0x0965), (0x0970, 0x0970), (0x0DF4, 0x0DF4), (0x0E3F, 0x0E3F)),
    *((0x0E4F, 0x0E4F), (0x0E5A, 0x0E5B), (0x0F04, 0x0F14), (0x0F3A, 0x0F3D), (0x104A, 0x104F), (0x10FB, 0x10FB)),
    *((0x1360, 0x1368), (0x1400, 0x1400), (0x166D, 0x166E), (0x1680, 0x1680), (0x169B, 0x169C), (0x16EB, 0x16ED)),
    *((0x17D4, 0x17D6), (0x17D8, 0x17DB), (0x1800, 0x180A), (0x2000, 0x200A), (0x2010, 0x2029), (0x202F, 0x205F)),
    *((0x20A0, 0x20CF), (0x2190, 0x245F), (0x2500, 0x25FF), (0x27C0, 0x2AFF), (0x2CF9, 0x2CFF), (0x2E00, 0x2E7F)),
    *((0x2FF0, 0x2FFF), (0x3000, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x303D, 0x303F), (0x30A0, 0x30A0)),
    *((0x30FB, 0x30FB), (0xA673, 0xA673), (0xA67E, 0xA67E), (0xA92E, 0xA92F), (0xABEB, 0xABEB), (0xE000, 0xF8FF)),
    *((0xFD3E, 0xFD3F), (0xFE10, 0xFE1F), (0xFE30, 0xFE6F), (0xFF01, 0xFF0F), (0xFFF9, 0xFFFF), (0xF0000, 0x10FFFF)),
)
_STANDALONE = (
    *((0x0E00, 0x0E3E), (0x0E40, 0x0E4E), (0x0E50, 0x0E59), (0x0E80, 0x0EFF), (0x1000, 0x1049), (0x1050, 0x109F)),
    *((0x1780, 0x17B3), (0x17B6, 0x17D3), (0x17D7, 0x17D7), (0x17DC, 0x17FF), (0x2600, 0x27BF), (0x2B00, 0x2BFF)),
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x302F), (0x3031, 0x303C), (0x3040, 0x309F), (0x30A1, 0x30FA)),
    *((0x30FC, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
    *((0x1B000, 0x1B16F), (0x1F000, 0x1FAFF), (0x20000, 0x3FFFD)),
)
_IGNORED = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)


# The most frequent characters that neither change under NFKC nor join the character before them; the test compares
# them with Python's Unicode database. Asking NFKC costs ten times as much as looking.
_SETTLED = (
    *((0x00, 0x7F), (0xA1, 0xA7), (0xA9, 0xA9), (0xAB, 0xAE), (0xB0, 0xB1), (0xB6, 0xB7), (0xBB, 0xBB), (0xBF, 0x131)),
    *((0x134, 0x13E), (0x141, 0x148), (0x14A, 0x17E), (0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1)),
    *((0x3A3, 0x3CE), (0x400, 0x482), (0x48A, 0x513), (0x531, 0x556), (0x5D0, 0x5EA), (0x621, 0x64A)),
    *((0x200B, 0x2010), (0x2012, 0x2016), (0x2018, 0x2023), (0x2027, 0x2027), (0x2030, 0x2032), (0x2039, 0x203B)),
    *((0x20AC, 0x20AC), (0x2190, 0x222B), (0x2231, 0x2328), (0x232B, 0x23CE), (0x2500, 0x2704)),
    *((0x3001, 0x3029), (0x3041, 0x3096), (0x30A0, 0x30FE), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x1F300, 0x1F5FF)),
)


@cache
def classes() -> npt.NDArray[np.uint8]:
    """Class of every code point, shape (1114112,)."""
    table = np.full(_CODE_POINTS, LETTER, dtype=np.uint8)
    for ranges, kind in ((_SEPARATORS, SEPARATOR), (_STANDALONE, STANDALONE), (_IGNORED, IGNORED)):
        for first, last in ranges:
            table[first : last + 1] = kind
    table.flags.writeable = False
    return table


@cache
def settled() -> npt.NDArray[np.bool_]:
    """Characters that NFKC leaves alone wherever they stand, in every version of Unicode, shape (1114112,)."""
    table = np.zeros(_CODE_POINTS, dtype=np.bool_)
    for first, last in _SETTLED:
        table[first : last + 1] = True
    table.flags.writeable = False
    return table


def normalised(texts: pa.Array) -> pa.Array:
    """``texts`` (string) in NFKC and lower case as large_string; nulls stay null.

    ASCII texts need neither: the tokeniser lowers ASCII letters itself, so they come back as they are.
    """
    texts, plain, others = normalised_apart(texts)
    return texts if plain.all() else pc.replace_with_mask(texts, pa.array(~plain), others)


def normalised_apart(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_], pa.Array]:
    """``texts`` as they are; which of them may stay so, shape (texts,); and the others, normalised, in their order.

    Saves a copy of everything where a few texts are not ASCII.
    """
    texts = texts.cast(pa.large_string())
    plain = np.asarray(pc.fill_null(pc.string_is_ascii(texts), fill_value=True), dtype=np.bool_)
    others = texts.filter(pa.array(~plain)) if not plain.all() else texts.slice(0, 0)
    return texts, plain, pc.utf8_lower(_composed(others))


def _composed(texts: pa.Array) -> pa.Array:
    """``texts`` in NFKC; those that hold nothing but characters which NFKC leaves alone are not asked again."""
    known = np.empty(len(texts), dtype=np.bool_)
    all_among(*utf8_buffers(texts), settled(), known)
    if known.all():
        return texts
    unknown = pa.array(~known)
    return pc.replace_with_mask(texts, unknown, pc.utf8_normalize(texts.filter(unknown), form="NFKC"))
