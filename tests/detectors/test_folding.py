"""Folds follow what models read, never the label: a text that honestly has both labels contradicts none."""

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check

from poisonguard.detectors.folding import Dealing, readings_of

COMMON = "the of and to in is you that it he was for on are as with his they I at be this have from"
SAID = {"pos": ("great", "love", "nice", "happy", "fun"), "neg": ("awful", "hate", "bad", "sad", "dull")}
FILLERS = ("ok then", "thanks a lot", "see you", "yes", "no comment")


def opinions(seed: int, share: float, fillers: tuple[str, ...], rows: int = 1_000) -> pa.Table:
    """Texts whose words give their label away, but for a share that say nothing."""
    chance, common = np.random.default_rng(seed), COMMON.split()
    labels = chance.choice(["pos", "neg"], rows).tolist()

    def told(label: str) -> str:
        said = chance.choice(SAID[label], 2, replace=False)
        return " ".join([*chance.choice(common, 8), *said, *chance.choice(common, 6)])

    texts = [str(chance.choice(fillers)) if chance.random() < share else told(label) for label in labels]
    return pa.table({"text": texts, "label": labels})


def measured(seed: int) -> pa.Table:
    """Two measurements of which 12 % of the rows have neither."""
    chance = np.random.default_rng(seed)
    value, absent = chance.normal(size=1_500), chance.random(1_500) < 0.12
    labels = np.where(value + 0.2 * chance.normal(size=1_500) > 0, "high", "low")
    other = value * 2 + 0.1 * chance.normal(size=1_500)
    return pa.table({"a": pa.array(value, mask=absent), "b": pa.array(other, mask=absent), "label": labels})


@pytest.mark.parametrize("card", ["PG-LABEL-001", "PG-TEXT-003", "PG-TEXT-004"])
@pytest.mark.parametrize(("share", "fillers"), [(0.1, ("",)), (0.1, ("ok then",)), (0.15, FILLERS)])
def test_texts_that_say_nothing_may_have_any_label(card: str, share: float, fillers: tuple[str, ...]) -> None:
    assert not run_check(card, opinions(0, share, fillers)).findings


def test_rows_without_a_feature_may_have_any_label() -> None:
    assert not run_check("PG-LABEL-001", measured(0)).findings


def hashes_of(rows: list[tuple[object, ...]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """One for each different row."""
    codes = {row: place * 0x9E3779B97F4A7C15 % 2**64 for place, row in enumerate(dict.fromkeys(rows), 1)}
    return np.array([codes[row] for row in rows], dtype=np.uint64)


def test_rows_that_read_alike_share_a_fold_whatever_their_label() -> None:
    texts, labels = ["", *map(str, range(20))] * 10, [place % 2 for place in range(210)]
    table, hashes = pa.table({"text": texts}), hashes_of(list(zip(texts, labels, strict=True)))
    dealing = Dealing.of(table, hashes, ("text",), 5)
    fold = dealing.fold(table, hashes)
    assert not dealing.by_row
    assert len(set(fold.tolist())) > 1
    assert len(set(zip(texts, fold.tolist(), strict=True))) == len(set(texts))
    batch = pa.RecordBatch.from_pydict({"text": texts[7:30]})
    assert dealing.fold(batch, hashes[7:30]).tolist() == fold[7:30].tolist()


def test_identifiers_deal_rows_that_read_alike() -> None:
    """Four readings in five folds: models that never saw a reading would have to guess."""
    table, hashes = pa.table({"a": [0, 1] * 100, "b": [0, 0, 1, 1] * 50}), hashes_of([(row,) for row in range(200)])
    dealing = Dealing.of(table, hashes, ("a", "b"), 5)
    assert dealing.by_row
    assert dealing.fold(table, hashes).tolist() == (hashes % np.uint64(5)).tolist()


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float64()])
def test_a_number_reads_alike_in_any_width(kind: pa.DataType) -> None:
    values = pa.array([1, None, 0, 7])
    wide, narrow = pa.table({"n": values.cast(pa.float64())}), pa.table({"n": values.cast(kind)})
    assert readings_of(wide, ["n"]).tolist() == readings_of(narrow, ["n"]).tolist()


def test_no_rows_have_no_folds() -> None:
    table = pa.table({"n": pa.array([], pa.float64())})
    none = np.empty(0, dtype=np.uint64)
    assert Dealing.of(table, none, ("n",), 5).fold(table, none).tolist() == []
