"""Tokens by hash follow the rules of the module, whatever the bytes."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.tokens import BOUND, FREE, SIGN, Tokens, tokens_of, words_of

LIMIT = 1_000


def kinds(text: str) -> list[int]:
    return [int(kind) for kind in tokens_of(pa.array([text]), LIMIT).kinds]


def hashes(text: str) -> list[int]:
    return [int(value) for value in tokens_of(pa.array([text]), LIMIT).hashes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n\t ", []),
        ("one two", [FREE, FREE]),
        ('"Well," he said.', [SIGN, FREE, SIGN, SIGN, FREE, FREE, SIGN]),
        ("a/b", [BOUND, SIGN, BOUND]),
        ("x.y z", [BOUND, SIGN, BOUND, FREE]),
        ("well-known fact", [BOUND, SIGN, BOUND, FREE]),
        ("a_b c", [BOUND, FREE]),
        ("(aside) end", [SIGN, FREE, SIGN, FREE]),
        ("漢字", [FREE, FREE]),
        ("\u00a0word\u00a0", [FREE]),
    ],
)
def test_kinds(text: str, expected: list[int]) -> None:
    assert kinds(text) == expected


def test_case_and_invisible_characters_make_no_difference() -> None:
    assert hashes("Word") == hashes("wORD") == hashes("wo\u200brd")
    assert hashes("ÄRGER") == hashes("ärger")
    assert len(set(hashes("word ward . , wordward"))) == 5


def test_starts_point_at_the_tokens() -> None:
    tokens = tokens_of(pa.array(["ab  <cd>", "é x"]), LIMIT)
    assert tokens.starts.tolist() == [0, 4, 5, 7, 0, 3]
    assert tokens.offsets.tolist() == [0, 4, 6]


def test_words_are_the_tokens_that_are_no_signs() -> None:
    words = words_of(tokens_of(pa.array(["a, b", "!", "c/d"]), LIMIT))
    assert words.token.tolist() == [0, 2, 4, 6]
    assert words.free.tolist() == [True, True, False, False]
    assert words.offsets.tolist() == [0, 2, 2, 4]


def test_documents_are_read_up_to_the_limit() -> None:
    assert len(tokens_of(pa.array(["ab " * 100]), 30).hashes) == 10
    assert len(tokens_of(pa.array(["ééé"]), 3).hashes) == 1


def same(left: Tokens, right: Tokens) -> bool:
    arrays = ((np.asarray(a), np.asarray(b)) for a, b in zip(left, right, strict=True))
    return all(np.array_equal(a, b) for a, b in arrays)


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=6), st.integers(1, 40))
def test_a_document_has_the_same_tokens_in_any_company(texts: list[str | None], limit: int) -> None:
    texts = [None if text is None else text.encode(errors="ignore").decode() for text in texts]
    together = tokens_of(pa.array(texts, pa.string()), limit)
    for row, text in enumerate(texts):
        alone = tokens_of(pa.array([text], pa.string()), limit)
        inside = slice(together.offsets[row], together.offsets[row + 1])
        part = Tokens(together.hashes[inside], together.starts[inside], together.kinds[inside], alone.offsets)
        assert same(part, alone)
