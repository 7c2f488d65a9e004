"""Two loops over JSON text that know strings from structure.

They carry their state from one run of bytes to the next:
``[depth, in string, after backslash, deepest, pieces, line is blank or array is open, misplaced]``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled

Bytes = npt.NDArray[np.uint8]
State = npt.NDArray[np.int64]

QUOTE, BACKSLASH, NEWLINE, RETURN, SPACE, TAB, COMMA = 34, 92, 10, 13, 32, 9, 44
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 93, 123, 125


DEPTH, QUOTED, ESCAPED, DEEPEST, PIECES, PHASE, MISPLACED = range(7)


def new_state() -> State:
    """Before the first byte."""
    return np.zeros(7, dtype=np.int64)


@compiled
def scan_lines(text: Bytes, state: State) -> None:  # noqa: C901 - one automaton, one branch per transition
    """Follow JSON Lines to find the deepest nesting and count the lines that are not blank.

    Every line starts afresh. ``state[PHASE]`` is 1 once the current line has content.
    """
    depth, quoted, escaped, deepest = state[DEPTH], state[QUOTED], state[ESCAPED], state[DEEPEST]
    lines, filled = state[PIECES], state[PHASE]
    for byte in text:
        if byte == NEWLINE:
            depth, quoted, escaped, filled = 0, 0, 0, 0
            continue
        if filled == 0 and byte not in (SPACE, TAB, RETURN):
            filled = 1
            lines += 1
        if quoted:
            if escaped:
                escaped = 0
            elif byte == BACKSLASH:
                escaped = 1
            elif byte == QUOTE:
                quoted = 0
        elif byte == QUOTE:
            quoted = 1
        elif byte in (OPEN_LIST, OPEN_OBJECT):
            depth += 1
            deepest = max(deepest, depth)
        elif byte in (CLOSE_LIST, CLOSE_OBJECT):
            depth -= 1
    state[DEPTH], state[QUOTED], state[ESCAPED], state[DEEPEST] = depth, quoted, escaped, deepest
    state[PIECES], state[PHASE] = lines, filled


@compiled
def array_to_lines(text: Bytes, state: State) -> None:  # noqa: C901, PLR0912 - one automaton, one branch per transition
    """Turn an array of objects into one object per line, in place.

    The outer brackets and the line breaks between tokens become spaces, the commas between objects line breaks.
    ``state[PIECES]`` counts those commas, ``state[PHASE]`` is 1 inside and 2 after the array, and
    ``state[MISPLACED]`` is 1 when something stands before or after it.
    """
    depth, quoted, escaped, deepest = state[DEPTH], state[QUOTED], state[ESCAPED], state[DEEPEST]
    commas, phase, misplaced = state[PIECES], state[PHASE], state[MISPLACED]
    for place in range(text.shape[0]):
        byte = text[place]
        if depth == 0 and byte not in (SPACE, TAB, NEWLINE, RETURN) and (phase != 0 or byte != OPEN_LIST):
            misplaced = 1
        if quoted:
            if escaped:
                escaped = 0
            elif byte == BACKSLASH:
                escaped = 1
            elif byte == QUOTE:
                quoted = 0
        elif byte == QUOTE:
            quoted = 1
        elif byte in (OPEN_LIST, OPEN_OBJECT):
            if depth == 0:
                text[place] = SPACE
                phase = 1
            depth += 1
            deepest = max(deepest, depth)
        elif byte in (CLOSE_LIST, CLOSE_OBJECT):
            depth -= 1
            if depth == 0:
                text[place] = SPACE
                phase = 2
        elif byte == COMMA and depth == 1:
            text[place] = NEWLINE
            commas += 1
        elif byte in (NEWLINE, RETURN):
            text[place] = SPACE
    state[DEPTH], state[QUOTED], state[ESCAPED], state[DEEPEST] = depth, quoted, escaped, deepest
    state[PIECES], state[PHASE], state[MISPLACED] = commas, phase, misplaced
