"""Rows that hold an evaluation item by themselves are found, word for word and no other way."""

from benchmarks.detection.overlap import holding

ITEM = "What is the name of the river that runs there?"


def test_an_item_is_found_whole_whatever_its_letters_and_spaces() -> None:
    texts = [
        f"He asked: {ITEM.upper()} And left.",
        ITEM.replace(" ", "\n  "),
        ITEM.replace("river", "road"),
        "",
        "What is",
    ]
    assert holding(texts, [ITEM]).tolist() == [True, True, False, False, False]


def test_items_of_few_words_are_left_out() -> None:
    assert not holding(["Yes, it is so, he said."], ["it is so"]).any()


def test_words_are_not_cut() -> None:
    assert not holding([ITEM.replace("What", "Somewhat") + "x"], [ITEM]).any()
