"""Where rows end in the bytes of a text table: lines of CSV and of JSON, elements of a JSON array.

A row goes from the end of the one before to its own end, so that every byte belongs to a row, to the header before the
first, or to the tail behind the last. Empty lines belong to the row that follows. The loops carry their state from one
run of bytes to the next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poisonguard.kernels.compiled import compiled
from poisonguard.kernels.jsonscan import (
    BACKSLASH,
    CLOSE_LIST,
    CLOSE_OBJECT,
    COMMA,
    NEWLINE,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
)

Bytes = npt.NDArray[np.uint8]
State = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]

PHASE, FILLED, AFTER_RETURN, DEPTH = range(4)
"""What a state holds; ``state[FILLED]`` is 1 while a row has begun and not ended."""

_CELL_START, _IN_CELL, _QUOTED, _QUOTE_IN_QUOTED = range(4)
_PLAIN, _STRING, _ESCAPED = range(3)


def new_state() -> State:
    """Before the first byte."""
    return np.zeros(4, dtype=np.int64)


@compiled
def csv_ends(text: Bytes, state: State, delimiter: int, ends: Places) -> int:
    """Write where lines of CSV end (behind their line break) into ``ends``, shape (bytes + 1,); gives how many.

    As Arrow reads it: a quote opens a cell only at its beginning, is doubled inside, and what follows its end is text.
    """
    phase, filled, after, count = state[PHASE], state[FILLED], state[AFTER_RETURN], 0
    for place in range(text.size):
        byte = text[place]
        if after:
            after = 0
            ends[count] = place + 1 if byte == NEWLINE else place
            count += 1
            if byte == NEWLINE:
                continue
        if phase == _QUOTED:
            phase = _QUOTE_IN_QUOTED if byte == QUOTE else _QUOTED
        elif byte in (NEWLINE, RETURN):
            if filled:
                if byte == RETURN:
                    after = 1
                else:
                    ends[count] = place + 1
                    count += 1
            phase, filled = _CELL_START, 0
        elif byte == QUOTE and phase in (_CELL_START, _QUOTE_IN_QUOTED):
            phase, filled = _QUOTED, 1
        else:
            phase, filled = (_CELL_START if byte == delimiter else _IN_CELL), 1
    state[PHASE], state[FILLED], state[AFTER_RETURN] = phase, filled, after
    return count


@compiled
def line_ends(text: Bytes, state: State, ends: Places) -> int:
    """The same for JSON Lines: lines that hold more than white space."""
    filled, count = state[FILLED], 0
    for place in range(text.size):
        byte = text[place]
        if byte == NEWLINE:
            if filled:
                ends[count] = place + 1
                count += 1
            filled = 0
        elif byte not in (SPACE, TAB, RETURN):
            filled = 1
    state[FILLED] = filled
    return count


@compiled
def element_ends(text: Bytes, state: State, ends: Places) -> int:  # noqa: C901 - one automaton, one branch per transition
    """The same for an array of JSON objects: the header ends behind the bracket, an element before its comma."""
    phase, depth, filled, count = state[PHASE], state[DEPTH], state[FILLED], 0
    for place in range(text.size):
        byte = text[place]
        if phase == _ESCAPED:
            phase = _STRING
        elif phase == _STRING:
            phase = _ESCAPED if byte == BACKSLASH else _PLAIN if byte == QUOTE else _STRING
        elif byte == QUOTE:
            phase = _STRING
        elif byte in (OPEN_LIST, OPEN_OBJECT):
            if depth == 0:
                ends[count] = place + 1
                count += 1
            elif depth == 1:
                filled = 1
            depth += 1
        elif byte in (CLOSE_LIST, CLOSE_OBJECT):
            depth -= 1
            if depth == 0 and filled:
                ends[count] = place
                count += 1
                filled = 0
        elif byte == COMMA and depth == 1:
            ends[count] = place
            count += 1
            filled = 0
    state[PHASE], state[DEPTH], state[FILLED] = phase, depth, filled
    return count
