"""Numbers in sentences that people read."""

from __future__ import annotations

NOT_READ = "not read inside"
"""How a note says that there are columns which checks took as a whole."""
NO_VALUE = "no column holds a value"
"""And that there was nothing to check."""


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 file``, ``2,000 files``, ``0 matches``.

    Args:
        number: How many.
        noun: Of what, in the singular.
        plural: The plural, where it is more than an added s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def counts(**numbers: int) -> str:
    """Numbers with their nouns, in order: ``counts(file=1, row=2_000)`` is ``1 file, 2,000 rows``."""
    return ", ".join(count(number, noun) for noun, number in numbers.items())
