"""What a word is does not depend on the machine's Unicode version."""

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.kernels.words import IGNORED, LETTER, SEPARATOR, STANDALONE, classes, normalised, settled


@pytest.mark.parametrize(
    ("characters", "kind"),
    [
        ("azAZ09_éßжשع한\u0301", LETTER),
        (" \t\n.,;:!?-'\"()[]{}<>/\\@#%&*\u00a0\u2003\u3000。、「」·—…€→", SEPARATOR),
        ("漢字かなカナーกขကខ😀🇩❤☃", STANDALONE),
        ("\u00ad\u200b\u200d\u2060\ufeff\ufe0f\U000e0041", IGNORED),
    ],
)
def test_class_of(characters: str, kind: int) -> None:
    table = classes()
    assert [character for character in characters if table[ord(character)] != kind] == []


def test_every_letter_and_digit_is_part_of_a_word_and_no_space_is() -> None:
    table = classes()
    for code in range(0x3000):
        kind = unicodedata.category(chr(code))
        # After NFKC only what is its own compatibility form is left.
        if unicodedata.normalize("NFKC", chr(code)) != chr(code) or table[code] == IGNORED:
            continue
        if kind in {"Lu", "Ll", "Lo", "Nd"}:
            assert table[code] in {LETTER, STANDALONE}, hex(code)
        if kind in {"Zs", "Zl", "Zp", "Cc"}:
            assert table[code] == SEPARATOR, hex(code)


def test_the_table_covers_unicode_and_cannot_be_changed() -> None:
    assert classes().shape == (0x110000,)
    assert not classes().flags.writeable
    assert set(np.unique(classes()).tolist()) == {SEPARATOR, LETTER, STANDALONE, IGNORED}


def test_compatibility_forms_and_case_are_folded() -> None:
    texts = pa.array(["\uff21\uff22\uff23", "ﬁne", "ÄÖ", "plain ASCII stays", None])
    assert normalised(texts).to_pylist() == ["abc", "fine", "äö", "plain ASCII stays", None]


@given(st.lists(st.none() | st.text(alphabet=st.characters(codec="utf-8")), max_size=8))
def test_normalising_twice_changes_nothing_more(texts: list[str | None]) -> None:
    once = normalised(pa.array(texts, pa.string()))
    assert once.type == pa.large_string()
    assert len(once) == len(texts)
    assert [text is None for text in once.to_pylist()] == [text is None for text in texts]


def test_settled_characters_are_left_alone_by_nfkc_whatever_stands_before_them() -> None:
    known = [chr(code) for code in np.flatnonzero(settled())]
    assert len(known) > 30_000
    for before in ("", "a", "\uac00", "\u304b", "\u0915", "\u0627", "\u03b1"):
        text = "".join(before + character for character in known)
        assert unicodedata.is_normalized("NFKC", text)
        assert not any(unicodedata.combining(character) for character in known)


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=8), max_size=6))
def test_skipping_settled_texts_changes_nothing(texts: list[str]) -> None:
    column = pa.array(["é" + text for text in texts], pa.large_string())
    assert normalised(column).equals(pc.utf8_lower(pc.utf8_normalize(column, form="NFKC")))
