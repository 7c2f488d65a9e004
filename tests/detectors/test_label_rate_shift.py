"""Label-rate shift: one compromised source is one finding with its rows; honest differences are none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.detectors.source_findings import Accusation, is_surer
from poisonguard.detectors.source_suspects import (
    ALL_LABELS,
    Limits,
    Suspect,
    contradicted,
    contradicted_beyond_doubt,
    contradicted_label,
)
from poisonguard.detectors.source_tables import Rows, Tallies
from poisonguard.domain.finding import Level, Signal
from poisonguard.domain.outcome import Skipped
from poisonguard.sketches.pairs import PairTable

CARD = "PG-LABEL-002"
RATES = np.random.default_rng(0).beta(20, 30, 12)
"""Honest sources differ: standard deviation of the rate 0.07."""


def make(
    rows: int, seed: int, *, flipped: int | None = None, share: float = 0.6, rates: np.ndarray = RATES
) -> pa.Table:
    random = np.random.default_rng(seed)
    source = random.integers(0, len(rates), rows)
    spam = random.random(rows) < rates[source]
    if flipped is not None:
        spam |= (source == flipped) & (random.random(rows) < share)
    return pa.table(
        {
            "source": [f"web-{number}" for number in source],
            "label": np.where(spam, "spam", "ham"),
            "value": random.normal(size=rows),
        }
    )


REFERENCE = make(3600, 1)


def run(candidate: pa.Table, reference: pa.Table | None = None, **params: float) -> CheckRun:
    return run_check(CARD, candidate, reference, columns={"source": "source", "label": "label"}, params=params)


@pytest.mark.parametrize("reference", [None, REFERENCE], ids=["alone", "with reference"])
def test_honest_sources_are_silent(reference: pa.Table | None) -> None:
    assert run(make(3600, 2), reference).findings == ()


def test_a_source_that_left_its_past() -> None:
    candidate = make(3600, 3, flipped=4)
    (found,) = run(candidate, REFERENCE).findings
    assert (found.subject, found.level, found.signal) == ("source=web-4", Level.ERROR, Signal.POISONING)
    kept = candidate.take(pa.array(found.rows))
    assert set(kept["source"].to_pylist()) == {"web-4"}
    assert set(kept["label"].to_pylist()) == {"spam"}
    assert found.row_count == len(found.rows)
    assert float(found.numbers["rate"]) - float(found.numbers["expected_rate"]) > 0.15


def test_only_new_rows_are_named() -> None:
    candidate = pa.concat_tables([REFERENCE, make(1800, 4, flipped=4, share=0.8)])
    (found,) = run(candidate, REFERENCE).findings
    assert min(found.rows) >= REFERENCE.num_rows


def test_every_row_of_a_source_flipped() -> None:
    (found,) = run(make(3600, 5, flipped=4, share=1.0), REFERENCE).findings
    assert found.numbers["rate"] == 1.0


def test_an_approved_habit_is_no_finding() -> None:
    assert run(make(3600, 6, flipped=4), make(3600, 7, flipped=4)).findings == ()


def test_a_shared_movement_is_no_finding() -> None:
    assert run(make(3600, 8, rates=np.minimum(1, RATES + 0.25)), REFERENCE).findings == ()


def test_a_new_source_is_judged_by_its_peers() -> None:
    rates = np.append(np.full(12, 0.3), 0.97)
    (found,) = run(make(5000, 9, rates=rates), make(3600, 10, rates=rates[:12])).findings
    assert (found.subject, found.level, found.compared_with) == ("source=web-12", Level.WARNING, "the other sources")


def test_two_sources_are_two_findings() -> None:
    first = make(3600, 11, flipped=4, share=0.9)
    second = make(3600, 12, flipped=7, share=0.6)
    mixed = pa.concat_tables(
        [
            first.filter(pa.array([s != "web-7" for s in first["source"].to_pylist()])),
            second.filter(pa.array([s == "web-7" for s in second["source"].to_pylist()])),
        ]
    )
    found = run(mixed, REFERENCE).findings
    assert sorted(item.subject for item in found) == ["source=web-4", "source=web-7"]
    for item in found:
        assert {f"source={name}" for name in mixed.take(pa.array(item.rows))["source"].to_pylist()} == {item.subject}


def test_hosts_stand_for_sources() -> None:
    def as_urls(table: pa.Table) -> pa.Table:
        urls = [f"https://{name}.example/{row}" for row, name in enumerate(table["source"].to_pylist())]
        return table.drop_columns(["source"]).append_column("url", pa.array(urls))

    columns = {"url": "url", "label": "label"}
    (found,) = run_check(CARD, as_urls(make(3600, 3, flipped=4)), as_urls(REFERENCE), columns=columns).findings
    assert found.subject == "source=web-4.example"
    assert len(found.rows) == found.row_count


def test_few_sources_without_a_past_are_not_judged() -> None:
    outcome = run(make(900, 13, flipped=1, share=1.0, rates=RATES[:3]))
    assert outcome.findings == ()
    assert "not judged" in outcome.outcome.coverage.note


def test_a_quantity_is_no_class() -> None:
    table = make(1000, 14).set_column(1, "label", pa.array(np.arange(1000) / 7))
    assert "is no class" in run(table).outcome.coverage.note


@pytest.mark.parametrize(("column", "reason"), [("label", "no label"), ("source", "no source or url")])
def test_without_a_column_it_is_skipped(column: str, reason: str) -> None:
    table = REFERENCE.drop_columns([column])
    columns = {name: name for name in ("source", "label") if name != column}
    outcome = run_check(CARD, table, columns=columns).outcome
    assert isinstance(outcome, Skipped)
    assert outcome.reason.startswith(reason)


def test_the_minimum_effect_counts() -> None:
    assert run(make(3600, 3, flipped=4), REFERENCE, minimum_effect=0.6).findings == ()


def telling(rows: int, seed: int, *, told: float = 1.0, pure: bool = False, flipped: int | None = None) -> pa.Table:
    """A value that tells the label, as far as ``told``; sources of one label each if ``pure``."""
    random = np.random.default_rng(seed)
    source = random.integers(0, 14, rows)
    spam = source % 2 == 0 if pure else random.random(rows) < 0.4
    value = random.normal(size=rows) + 3 * told * spam
    if flipped is not None:
        spam = spam | (source == flipped)
    return pa.table(
        {
            "source": [f"web-{number}" for number in source],
            "label": np.where(spam, "spam", "ham"),
            "value": value,
            "other": random.normal(size=rows),
        }
    )


def beside_models(candidate: pa.Table, reference: pa.Table | None = None, **rest: object) -> CheckRun:
    options: dict[str, object] = {"columns": {"source": "source", "label": "label"}, "beside": ["PG-LABEL-001"], **rest}
    return run_check(CARD, candidate, reference, **options)  # type: ignore[arg-type]  # as run_check


@pytest.mark.parametrize("told", [0.0, 0.2, 1.0])
def test_sources_that_decide_the_label_are_natural(told: float) -> None:
    assert beside_models(telling(1400, 20, told=told, pure=True)).findings == ()


def test_rows_that_contradict_their_labels_accuse_their_source() -> None:
    data = telling(1400, 21, flipped=3)
    (found,) = beside_models(data).findings
    assert (found.subject, found.level) == ("source=web-3", Level.WARNING)
    assert "contradict their label" in found.message
    named = data.take(pa.array(found.rows))
    assert set(named["source"].to_pylist()) == {"web-3"}
    assert set(named["label"].to_pylist()) == {"spam"}
    # Most were ham: what they hold is low.
    assert np.median(named["value"].to_numpy()) < 0.5


def test_a_new_source_of_spam_is_innocent_when_its_rows_say_so() -> None:
    reference = telling(1400, 22)
    spam = telling(400, 23).to_pandas().query("label == 'spam'").assign(source="web-new").head(60)
    candidate = pa.concat_tables([reference, pa.Table.from_pandas(spam, preserve_index=False, schema=reference.schema)])
    assert beside_models(candidate, reference).findings == ()
    lies = spam.assign(value=spam["value"] - 3)
    candidate = pa.concat_tables([reference, pa.Table.from_pandas(lies, preserve_index=False, schema=reference.schema)])
    (found,) = beside_models(candidate, reference).findings
    assert found.subject == "source=web-new"
    assert min(found.rows) >= reference.num_rows


def test_what_the_rows_say_does_not_depend_on_cuts() -> None:
    data = telling(1400, 21, flipped=3)
    (whole,), (cut,) = beside_models(data).findings, beside_models(data, cuts=[5, 700], workers=2).findings
    assert (whole.message, whole.rows, whole.numbers) == (cut.message, cut.rows, cut.numbers)


NOTHING = Tallies(np.zeros((14, 2), int), np.zeros((14, 2), int), np.zeros((14, 2)))


def counted(hits: int) -> Tallies:
    """Sources whose rows contradict one label at rates of their own, and hardly ever the other one."""
    rows = np.full((14, 2), 50)
    wrong = np.column_stack([np.arange(14) * 3, np.ones(14)]).astype(np.int64)
    wrong[6, 1] = hits
    return Tallies(rows, wrong, wrong.astype(float))


def test_one_label_against_what_the_rows_say_accuses_among_sources_that_differ() -> None:
    nothing, limits = NOTHING, Limits(0.001, 12, 0.05)
    assert contradicted(counted(45), nothing, limits) == []
    (found,) = contradicted_label(counted(45), nothing, limits)
    assert (found.source, found.label, found.hits, found.rows, found.against) == (6, 1, 45, 100, True)


def doubted(hits: int) -> Tallies:
    """Sources whose rows are hard to tell to a degree of their own, and contradict their labels as often as that."""
    rows, hard = np.full((14, 2), 100), np.column_stack([np.arange(14) * 5 + 2, np.ones(14)])
    wrong = hard.astype(np.int64)
    wrong[3, 0] += hits
    return Tallies(rows, wrong, hard)


def test_contradictions_beyond_what_the_models_leave_in_doubt_accuse() -> None:
    limits = Limits(0.001, 12, 0.05)
    assert contradicted(doubted(40), NOTHING, limits) == []
    (found,) = contradicted_beyond_doubt(doubted(40), limits)
    assert (found.source, found.label, found.hits, found.rows) == (3, ALL_LABELS, 58, 200)


@pytest.mark.parametrize("hits", [0, 4])
def test_sources_that_are_hard_to_tell_are_honest(hits: int) -> None:
    assert contradicted_beyond_doubt(doubted(hits), Limits(0.001, 12, 0.05)) == []


def test_a_source_of_one_label_may_be_a_kind_of_rows_of_its_own() -> None:
    told = doubted(40)
    rows = told.rows.copy()
    rows[3] = [200, 0]
    assert contradicted_beyond_doubt(Tallies(rows, told.wrong, told.doubt), Limits(0.001, 12, 0.05)) == []


@pytest.mark.parametrize("hits", [1, 5, 20])
def test_a_source_with_a_few_rows_of_its_own_kind_is_honest(hits: int) -> None:
    nothing, limits = NOTHING, Limits(0.001, 12, 0.05)
    assert contradicted_label(counted(hits), nothing, limits) == []


def test_the_message_names_label_and_rates() -> None:
    item = Suspect(0, 1, 45, 100, 0.01, 1e-9, past=False, against=True)
    table = PairTable(("web-6",), ("ham", "spam"), np.array([[50, 50]]), complete=True)
    message = Accusation(item, table, "label", "").fields(np.arange(3))["message"]
    assert "45 of 100 rows from source 'web-6' (45.0%) carry the label 'spam' against" in message


@pytest.mark.parametrize(("score", "surer"), [(0.3, False), (0.9, True)])
def test_an_honest_kind_of_rows_is_misread_with_doubt(score: float, surer: bool) -> None:  # noqa: FBT001 - a parameter
    random = np.random.default_rng(3)
    source = np.repeat([0, 1], [40, 960]).astype(np.int32)
    scores = np.where(random.random(1000) < 0.1, random.uniform(0.26, 0.44, 1000), 0.1).astype(np.float32)
    scores[:30] = score + random.uniform(0, 0.05, 30)
    rows = Rows(source, np.zeros(1000, np.int32), np.ones(1000, np.bool_))
    suspect = Suspect(0, 0, 30, 40, 0.1, 1e-9, past=False, against=True)
    assert is_surer(suspect, rows, scores) == surer
    alone = Rows(np.zeros(1000, np.int32), rows.label, rows.new)
    assert is_surer(suspect, alone, scores)
