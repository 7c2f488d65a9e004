"""Column drift: what moved is found, named and told rightly; what did not move stays silent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, TableSource, roles_of, run_check
from sketch_blocks import block_of

from poisonguard.detectors.drift_versions import SAMPLE
from poisonguard.domain.finding import Finding, Level, Signal
from poisonguard.domain.outcome import Skipped
from poisonguard.plugin.card import shipped_cards
from poisonguard.plugin.check import Context, Evidence, NotApplicable
from poisonguard.plugin.registry import bind
from poisonguard.sketches.number_bins import NumberBins, read_bins

CARD = "PG-DRIFT-001"
WORDS = np.array(
    [
        "the",
        "a",
        "fresh",
        "tasty",
        "cheap",
        "box",
        "of",
        "tea",
        "coffee",
        "arrived",
        "late",
        "again",
        "my",
        "cat",
        "loves",
        "this",
        "brand",
    ]
)


def make(rows: int, seed: int) -> pa.Table:
    """Rows of one population: skewed, whole, categorical and free-text columns."""
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, random.integers(4, 12))) for _ in range(rows)]
    return pa.table(
        {
            "id": random.permutation(rows),
            "price": random.lognormal(3, 0.5, rows),
            "age": random.integers(18, 80, rows),
            "colour": random.choice(["red", "green", "blue"], rows, p=[0.6, 0.3, 0.1]),
            "text": texts,
        }
    )


REFERENCE = make(2000, 1)
NEW = make(1000, 2)


def with_column(table: pa.Table, name: str, change: Callable[[np.ndarray], object]) -> pa.Table:
    index = table.column_names.index(name)
    return table.set_column(index, name, pa.array(change(table[name].to_numpy(zero_copy_only=False).copy())))


def run(candidate: pa.Table, reference: pa.Table = REFERENCE) -> CheckRun:
    return run_check(CARD, candidate, reference, columns={"id": "id", "text": "text"})


def only(candidate: pa.Table, column: str) -> Finding:
    (found,) = run(candidate).findings
    assert (found.column, found.subject, found.signal) == (column, f"column={column}", Signal.DRIFT)
    return found


def head(factor: float, rows: int = 30) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.append(values[:rows] * factor, values[rows:])


def test_without_a_reference_it_is_skipped() -> None:
    assert run_check(CARD, NEW).outcome == Skipped(CARD, "no reference to compare with")


@pytest.mark.parametrize(
    "candidate", [NEW, pa.concat_tables([REFERENCE, NEW]), REFERENCE], ids=["fresh", "grown", "same"]
)
def test_the_same_population_is_silent(candidate: pa.Table) -> None:
    assert run(candidate).findings == ()


def test_what_is_left_out_is_said() -> None:
    assert "id (an id)" in run(NEW).outcome.coverage.note


@pytest.mark.parametrize("factor", [10.0, 100.0, 1000.0, 0.001])
def test_a_part_in_another_unit_is_an_error_and_its_rows_are_named(factor: float) -> None:
    found = only(with_column(NEW, "price", head(factor)), "price")
    assert (found.level, found.numbers["factor"]) == (Level.ERROR, factor)
    named = set(found.rows)
    assert len(named & set(range(30))) >= 27
    assert len(named) <= 32


def test_new_rows_alone_are_named() -> None:
    old = with_column(REFERENCE, "age", lambda ages: np.where(np.arange(len(ages)) < 40, 33, ages))
    new = with_column(NEW, "age", lambda ages: np.where(np.arange(len(ages)) < 200, 33, ages))
    (found,) = run(pa.concat_tables([old, new]), old).findings
    assert min(found.rows) >= 2000
    assert len(set(found.rows) & set(range(2000, 2200))) == 200


def test_a_constant_burst_in_a_continuous_column() -> None:
    found = only(with_column(NEW, "price", lambda prices: np.where(np.arange(1000) < 12, 20.0, prices)), "price")
    assert "hold the value 20" in found.message
    assert list(found.rows) == list(range(12))


def test_missing_values() -> None:
    def lose(prices: np.ndarray) -> list[float | None]:
        return [None if row < 40 else price for row, price in enumerate(prices)]

    found = only(with_column(NEW, "price", lose), "price")
    assert found.numbers["test"] == "absent values"
    assert list(found.rows) == list(range(40))


def test_rows_of_a_change_that_all_share_are_not_named() -> None:
    shifted = with_column(NEW, "age", lambda ages: ages + 12)
    burst = with_column(shifted, "price", lambda prices: np.where(np.arange(1000) < 40, 20.0, prices))
    found = {item.column: item for item in run(burst).findings}
    assert set(found) == {"age", "price"}
    assert not len(found["price"].rows)


def test_a_few_more_missing_values_are_told_of_and_not_named() -> None:
    def lose(share: float) -> Callable[[np.ndarray], list[float | None]]:
        return lambda prices: [None if row < share * len(prices) else price for row, price in enumerate(prices)]

    old, new = with_column(REFERENCE, "price", lose(0.09)), with_column(NEW, "price", lose(0.14))
    (found,) = run(new, old).findings
    assert found.numbers["test"] == "absent values"
    assert not len(found.rows)


def test_the_mix_of_known_sources_is_compared_and_a_new_source_is_none_of_it() -> None:
    def of(rows: pa.Table, names: list[str], shares: list[float]) -> pa.Table:
        chosen = np.random.default_rng(9).choice(names, rows.num_rows, p=shares)
        return rows.append_column("source", pa.array(chosen))

    old = of(REFERENCE, ["a", "b"], [0.7, 0.3])
    (found,) = run(of(NEW, ["a", "b"], [0.3, 0.7]), old).findings
    assert (found.column, found.signal) == ("source", Signal.DRIFT)
    assert "known sources" in found.message
    assert not run(of(NEW, ["a", "b", "c"], [0.35, 0.15, 0.5]), old).findings


def test_a_changed_unit_everywhere() -> None:
    found = only(with_column(NEW, "price", lambda prices: prices * 2.54), "price")
    assert found.level is Level.ERROR
    assert "multiplied by 2.54" in found.message


def test_a_shift_that_all_rows_share_is_a_warning_without_rows() -> None:
    found = only(with_column(NEW, "age", lambda ages: ages + 8), "age")
    assert (found.level, len(found.rows)) == (Level.WARNING, 0)
    assert 0.08 < float(found.numbers["effect"]) < 0.2


def test_categories() -> None:
    found = only(
        with_column(NEW, "colour", lambda colours: np.where(np.arange(1000) < 150, "mauve", colours)), "colour"
    )
    assert "'mauve' 0.0% to 15.0%" in found.message
    assert found.numbers["new_categories"] == 1


def test_a_category_that_the_reference_never_has() -> None:
    def some(values: np.ndarray) -> np.ndarray:
        values[:9] = "mauve"
        return values

    (finding,) = run(with_column(NEW, "colour", some)).findings
    assert finding.numbers["test"] == "unseen values"
    assert finding.numbers["unseen_values"] == 1
    assert "9 rows of the new rows hold values that the reference never has: 'mauve'" in finding.message
    assert finding.signal is Signal.DRIFT


def test_as_many_unseen_categories_as_those_seen_once_are_to_be_expected() -> None:
    def rare(table: pa.Table, seed: int) -> pa.Table:
        random = np.random.default_rng(seed)

        def some(values: np.ndarray) -> np.ndarray:
            values[: len(values) // 40] = [f"shade-{number}" for number in random.integers(0, 150, len(values) // 40)]
            return values

        return with_column(table, "colour", some)

    assert not run(rare(NEW, 1), rare(REFERENCE, 2)).findings


def test_words_of_texts() -> None:
    other = with_column(NEW, "text", lambda texts: [text.replace("tea", "zyx") for text in texts])
    assert only(other, "text").numbers["test"] == "words"


def test_characters_of_texts() -> None:
    other = with_column(NEW, "text", lambda texts: [text.upper() for text in texts])
    assert only(other, "text").numbers["test"] == "share of capitals"


def test_removed_rows_show() -> None:
    old_ones = REFERENCE.filter(pa.array(REFERENCE["age"].to_numpy() > 50))
    assert {item.column for item in run(old_ones).findings} == {"age"}


def test_a_column_that_the_reference_lacks_is_left_out() -> None:
    outcome = run(NEW.append_column("extra", pa.array(range(1000))))
    assert outcome.findings == ()
    assert "extra (not in the reference)" in outcome.outcome.coverage.note


def test_the_verdict_does_not_depend_on_the_cut() -> None:
    candidate = with_column(NEW, "price", head(100.0))
    whole = run_check(CARD, candidate, REFERENCE, columns={"id": "id"})
    cut = run_check(CARD, candidate, REFERENCE, columns={"id": "id"}, cuts=[1, 300, 301], workers=2)
    assert whole.findings == cut.findings


def test_honest_versions_rarely_alarm() -> None:
    alarms = [run(make(400, 100 + seed), make(800, 500 + seed)).findings for seed in range(20)]
    assert sum(bool(found) for found in alarms) <= 1


def test_a_reference_scanned_without_this_check_leaves_the_check_uncovered() -> None:
    check = bind(shipped_cards()[CARD], {})
    source = TableSource(NEW)
    context = Context(source.columns, roles_of(source, {}), has_reference=True)
    sketches = check.needs(context)
    assert not isinstance(sketches, NotApplicable)
    block = block_of(NEW)
    states = {sketch.key: sketch.fold(block) for sketch in sketches}
    evidence = Evidence("now", source.columns, NEW.num_rows, 0, states)
    reference = Evidence("then", source.columns, NEW.num_rows, 0, {SAMPLE.key: states[SAMPLE.key]})
    assert list(check.judge(evidence, reference)) == []
    rows, note = check.coverage_note(evidence)
    assert rows == 0
    assert "price (the reference was scanned without it)" in note


def test_numbers_of_every_magnitude_hide_no_shift_of_the_others() -> None:
    random = np.random.default_rng(7)
    planted = np.concatenate([np.ldexp(leading, np.arange(-1021, 100)) for leading in (-1.7, -1.2, 1.2, 1.7)])
    reference = pa.table({"size": random.uniform(132, 250, 20_000)})
    shifted = np.concatenate([random.uniform(132, 250, 180_000), random.uniform(220, 250, 60_000)])
    candidate = pa.table({"size": np.concatenate([shifted, planted])})
    bins = NumberBins("size")
    assert read_bins(bins.fold(block_of(candidate))).error > 0.9
    (found,) = run_check(CARD, candidate, reference, columns={}).findings
    assert found.subject == "column=size"
    assert "distributed differently" in found.message
