"""The JSON loops: nesting, line counts, and arrays cut into lines, whatever the cut of the input."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.kernels.jsonscan import (
    DEEPEST,
    DEPTH,
    MISPLACED,
    PIECES,
    array_to_lines,
    new_state,
    scan_lines,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), min_size=1, max_size=5)


def lines_of(text: bytes, cut: int) -> tuple[bytes, list[int]]:
    """``array_to_lines`` over ``text`` fed in pieces of ``cut`` bytes."""
    state = new_state()
    pieces = []
    for start in range(0, len(text), cut):
        piece = np.frombuffer(text[start : start + cut], dtype=np.uint8).copy()
        array_to_lines(piece, state)
        pieces.append(piece.tobytes())
    return b"".join(pieces), [int(value) for value in state]


def depth_of(value: object) -> int:
    """Nesting of a JSON value."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@settings(deadline=None)
@given(OBJECTS, st.integers(1, 64), st.sampled_from([None, 2]), st.integers(0, 1))
def test_an_array_becomes_its_elements_on_lines(
    objects: list[object], cut: int, indent: int | None, escape: int
) -> None:
    text = json.dumps(objects, indent=indent, ensure_ascii=bool(escape)).encode("utf-8", "surrogatepass")
    lines, state = lines_of(text, cut)
    assert [json.loads(line) for line in lines.split(b"\n")] == objects
    assert state[DEPTH] == 0
    assert state[PIECES] == len(objects) - 1
    assert state[MISPLACED] == 0


@settings(deadline=None)
@given(OBJECTS, st.integers(1, 64))
def test_lines_are_counted_and_their_depth_found(objects: list[object], cut: int) -> None:
    text = "\n \n".join(json.dumps(item) for item in objects).encode()
    state = new_state()
    for start in range(0, len(text), cut):
        scan_lines(np.frombuffer(text[start : start + cut], dtype=np.uint8), state)
    assert state[PIECES] == len(objects)
    assert state[DEEPEST] == max(map(depth_of, objects))


def test_anything_around_the_array_is_noticed() -> None:
    for text in (b"[{}] [{}]", b"[{}] x", b"x [{}]", b"[{}],"):
        assert lines_of(text, 3)[1][MISPLACED] == 1
    assert lines_of(b" \n[{}]\r\n ", 3)[1][MISPLACED] == 0
