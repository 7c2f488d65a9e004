"""One delivery with wrong labels is one finding with its rows; what was approved, or is spread out, is none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.detectors.label_runs import LabelRuns
from poisonguard.domain.outcome import Failed, Skipped

CARD = "PG-LABEL-004"


def make(rows: int, seed: int, flipped: slice | None = None) -> pa.Table:
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(2, rows))
    wrong = random.random(rows) < 0.08
    if flipped is not None:
        wrong[flipped] = True
    label = np.where((first + second > 0) ^ wrong, "yes", "no")
    return pa.table({"first": first, "second": second, "label": label})


def run(candidate: pa.Table, reference: pa.Table | None = None, **rest: object) -> CheckRun:
    options: dict[str, object] = {"beside": ["PG-LABEL-001"], "columns": {"label": "label"}, **rest}
    return run_check(CARD, candidate, reference, **options)  # type: ignore[arg-type]  # as run_check


POISONED = make(700, 1, slice(300, 335))
APPROVED = make(500, 2)


def test_a_delivery_with_wrong_labels_is_named() -> None:
    (found,) = run(POISONED).findings
    named = np.asarray(found.rows)
    assert found.row_count == len(named) == named[-1] - named[0] + 1
    assert abs(int(named[0]) - 300) <= 3
    assert abs(int(named[-1]) - 334) <= 3
    assert f"of {len(named)} rows that follow each other" in found.message
    assert found.column == "label"


def test_with_a_reference_only_new_rows_are_looked_at() -> None:
    (found,) = run(pa.concat_tables([APPROVED, POISONED]), APPROVED).findings
    assert abs(int(found.rows[0]) - 800) <= 3
    assert run(pa.concat_tables([POISONED, APPROVED]), POISONED).findings == ()


def test_wrong_labels_everywhere_are_no_run() -> None:
    shuffled = np.random.default_rng(4).permutation(700)
    assert run(POISONED.take(pa.array(shuffled))).findings == ()


def test_honest_rows_are_silent() -> None:
    assert run(make(700, 3)).findings == ()
    assert run(make(700, 3).sort_by("label")).findings == ()
    assert run(make(700, 3).sort_by("first")).findings == ()


def test_cuts_and_workers_do_not_matter() -> None:
    (whole,) = run(POISONED).findings
    (cut,) = run(POISONED, cuts=[1, 310, 311, 600], workers=2).findings
    assert (whole.subject, whole.message, whole.rows) == (cut.subject, cut.message, cut.rows)


def test_the_parameters_count() -> None:
    assert run(POISONED, params={"min_rows": 60}).findings == ()
    assert run(POISONED, params={"distance": 100.0}).findings == ()
    assert run(POISONED, params={"minimum_effect": 0.99}).findings == ()


def test_without_scores_it_says_so() -> None:
    outcome = run(POISONED, beside=[]).outcome
    assert outcome.findings == ()
    assert "no models say" in outcome.coverage.note


def test_a_quantity_is_no_class() -> None:
    many = POISONED.set_column(2, "label", pa.array([f"c{number % 150}" for number in range(700)]))
    assert "is no class" in run(many).outcome.coverage.note or run(many).findings == ()


@pytest.mark.parametrize("label", [[None] * 300, ["yes"] * 300])
def test_labels_that_say_nothing(label: list[str | None]) -> None:
    table = make(300, 5).set_column(2, "label", pa.array(label, pa.string()))
    assert run(table).findings == ()


def test_a_reader_that_breaks_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(LabelRuns, "read_scores", broken)
    outcome = run(POISONED).outcome
    assert isinstance(outcome, Failed)
    assert "out of order" in outcome.error


def test_without_a_label_it_does_not_apply() -> None:
    outcome = run_check(CARD, POISONED.drop_columns(["label"])).outcome
    assert isinstance(outcome, Skipped)
