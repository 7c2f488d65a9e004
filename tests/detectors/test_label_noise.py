"""Flipped labels are found; honest disagreement, drift and quantities are not called poisoning."""

import functools

import numpy as np
import pyarrow as pa
import pytest
from harness import run_check
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from poisonguard.detectors.contradiction import AGREEING, natural_cut, scores
from poisonguard.detectors.delta import new_rows
from poisonguard.domain.finding import Finding, Signal
from poisonguard.domain.outcome import Ran, Skipped

CARD = "PG-LABEL-001"


@functools.cache
def tumours() -> pa.Table:
    """Real rows, shuffled once: the first ten measurements and the diagnosis."""
    data = load_breast_cancer()
    order = np.random.default_rng(0).permutation(len(data.target))
    columns = {f"m{place}": data.data[order, place] for place in range(10)}
    return pa.table({**columns, "diagnosis": np.where(data.target[order] == 1, "benign", "malignant")})


def flipped(table: pa.Table, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    labels = np.array(table["diagnosis"].to_pylist())
    labels[rows] = np.where(labels[rows] == "benign", "malignant", "benign")
    return table.set_column(table.column_names.index("diagnosis"), "diagnosis", pa.array(labels))


def facts(findings: tuple[Finding, ...]) -> list[tuple[str, list[int], float]]:
    return [(item.message, [int(row) for row in item.rows], item.confidence) for item in findings]


def test_flips_among_new_rows_are_named() -> None:
    rows = np.random.default_rng(1).choice(np.arange(300, 569), 40, replace=False)
    run = run_check(CARD, flipped(tumours(), rows), tumours().slice(0, 300))
    (finding,) = run.findings
    assert finding.signal is Signal.POISONING
    assert finding.column == "diagnosis"
    assert len(set(finding.rows) - set(rows.tolist())) <= 0.2 * len(finding.rows)
    assert run.book is not None
    highest = np.argsort(-np.asarray(run.book.scores[CARD]), kind="stable")[: len(rows)]
    assert len(set(highest.tolist()) & set(rows.tolist())) >= 0.7 * len(rows)


def test_many_flips_are_found_without_a_reference() -> None:
    """Few rows are named, to keep honest ones out; the ranking knows the others."""
    flips = np.random.default_rng(1).choice(569, 110, replace=False)
    run = run_check(CARD, flipped(tumours(), flips))
    (finding,) = run.findings
    assert len(set(finding.rows) & set(flips.tolist())) >= 0.9 * len(finding.rows)
    assert run.book is not None
    highest = np.argsort(-np.asarray(run.book.scores[CARD]), kind="stable")[: len(flips)]
    assert len(set(highest.tolist()) & set(flips.tolist())) >= 0.7 * len(flips)


def test_clean_rows_stay_silent() -> None:
    assert not run_check(CARD, tumours()).findings
    assert not run_check(CARD, tumours(), tumours().slice(0, 300)).findings


def test_honest_noise_stays_silent() -> None:
    """Labels drawn from a probability, as nature does: no model can tell them, nobody flipped them."""
    rng = np.random.default_rng(4)
    features = rng.normal(size=(1_500, 4))
    labels = rng.random(1_500) < 1 / (1 + np.exp(-1.5 * features[:, 0]))
    table = pa.table({**{f"x{place}": features[:, place] for place in range(4)}, "label": labels})
    assert not run_check(CARD, table).findings
    assert not run_check(CARD, table, table.slice(0, 900)).findings


def test_findings_do_not_depend_on_the_cut() -> None:
    rows = np.arange(300, 569, 7)
    candidate, reference = flipped(tumours(), rows), tumours().slice(0, 300)
    whole = run_check(CARD, candidate, reference)
    cut = run_check(CARD, candidate, reference, cuts=(1, 77, 500), workers=2)
    assert facts(whole.findings) == facts(cut.findings)
    assert whole.book is not None
    assert cut.book is not None
    assert np.array_equal(whole.book.scores[CARD], cut.book.scores[CARD])


def test_a_plateau_of_a_few_rows_is_no_alarm() -> None:
    """Labels that follow no feature: among 1,000 rows the models are sure of some two or three by accident."""
    places = np.arange(1_000)
    shuffled = np.random.default_rng(0).permutation(1_000)
    table = pa.table({"value": ((places * 37) % 1_000)[shuffled], "label": (places % 3)[shuffled]})
    assert not run_check(CARD, table).findings


def test_several_classes_with_integer_labels() -> None:
    data = load_digits(n_class=4)
    rng = np.random.default_rng(2)
    rows = rng.choice(np.arange(400, len(data.target)), 30, replace=False)
    labels = data.target.copy()
    labels[rows] = (labels[rows] + rng.integers(1, 4, len(rows))) % 4
    columns = {f"p{place}": data.data[:, place] for place in range(8, 64, 2)}
    table = pa.table({**columns, "label": labels})
    reference = pa.table({**columns, "label": data.target}).slice(0, 400)
    (finding,) = run_check(CARD, table, reference, columns={"label": "label"}).findings
    assert len(set(finding.rows) & set(rows.tolist())) >= 24


def test_text_speaks_for_the_label_too() -> None:
    rng = np.random.default_rng(3)
    good, bad = np.array(["fresh", "lovely", "great", "tasty"]), np.array(["stale", "awful", "broken", "bitter"])
    filler = np.array(["tea", "box", "the", "was", "with", "ordered", "again", "cup", "milk", "shop"])
    truth = rng.integers(0, 2, 900)
    texts = [" ".join([*rng.choice(filler, 9), *rng.choice(good if value else bad, 3)]) for value in truth]
    labels = truth.copy()
    rows = np.arange(450, 900, 12)
    labels[rows] = 1 - labels[rows]
    table = pa.table({"text": texts, "price": rng.normal(size=900), "label": pa.array(labels == 1)})
    reference = pa.table({"text": texts, "price": table["price"], "label": pa.array(truth == 1)}).slice(0, 450)
    (finding,) = run_check(CARD, table, reference, columns={"text": "text", "label": "label"}).findings
    assert set(rows.tolist()) <= set(finding.rows)


def test_rare_classes_and_nulls_are_scored_zero() -> None:
    labels = np.array(tumours()["diagnosis"].to_pylist(), dtype=object)
    labels[:4], labels[4:9] = "unsure", None
    table = tumours().set_column(10, "diagnosis", pa.array(labels, pa.string()))
    book = run_check(CARD, table).book
    assert book is not None
    assert (book.scores[CARD][:9] == 0).all()
    assert (book.scores[CARD][9:] > 0).all()


def test_a_quantity_is_not_a_class() -> None:
    data = load_diabetes()
    table = pa.table({**{f"x{place}": data.data[:, place] for place in range(10)}, "target": data.target})
    outcome = run_check(CARD, table, columns={"label": "target"}).outcome
    assert isinstance(outcome, Ran)
    assert not outcome.findings
    assert "a quantity, not a class" in outcome.coverage.note


def test_without_a_label_it_says_so() -> None:
    outcome = run_check(CARD, tumours().drop_columns(["diagnosis"])).outcome
    assert isinstance(outcome, Skipped)
    assert "label" in outcome.reason


def test_a_sample_is_stated_in_the_coverage() -> None:
    outcome = run_check(CARD, tumours(), params={"limit": 250}).outcome
    assert isinstance(outcome, Ran)
    assert not outcome.coverage.full
    assert "250" in outcome.coverage.note


def test_the_cut_keeps_the_promise_of_false_flags() -> None:
    margin = np.random.default_rng(0).normal(-2, 2, 4_000)
    cut = natural_cut(margin, np.ones(4_000), allowed=12)
    assert 10 <= (margin >= cut).sum() <= 12
    assert natural_cut(margin, np.ones(4_000), allowed=12, random_share=0.1) < cut
    assert natural_cut(np.minimum(margin, -0.1), np.ones(4_000), allowed=12) == pytest.approx(0.7)


def test_scores_grow_with_the_margin_and_meet_the_threshold_at_the_cut() -> None:
    margin = np.array([-np.inf, -3.0, 0.0, 1.0, 2.0, 9.0])
    found = scores(margin, 2.0)
    assert (np.diff(found) > 0).all()
    assert found[0] == 0
    assert found[2] == AGREEING
    assert found[4] == pytest.approx(0.5)
    assert found[-1] < 1


def test_new_rows_are_those_that_the_reference_surely_lacks() -> None:
    candidate, reference = np.array([1, 2, 5, 9], np.uint64), np.array([2, 6], np.uint64)
    assert new_rows(candidate, reference, reference_complete=True).tolist() == [True, False, True, True]
    assert new_rows(candidate, reference, reference_complete=False).tolist() == [True, False, True, False]


def test_approved_rows_are_never_flagged() -> None:
    """Their labels may be as wrong as they like: somebody approved them."""
    rows = np.random.default_rng(1).choice(569, 90, replace=False)
    table = flipped(tumours(), rows)
    run = run_check(CARD, table, table.slice(0, 300))
    assert run.book is not None
    assert (run.book.scores[CARD][:300] < 0.5).all()


def test_other_frequencies_of_labels_are_no_poison() -> None:
    """New rows are nearly all of the rarer label; each of them is as honest as before."""
    table = tumours()
    rest = table.slice(300)
    rare = np.array(rest["diagnosis"].to_pylist()) == "malignant"
    mixed = pa.concat_tables([table.slice(0, 300), rest.filter(pa.array(rare | (np.arange(269) % 8 == 0)))])
    assert not run_check(CARD, mixed, table.slice(0, 300)).findings


def test_another_rule_is_drift_and_flags_no_row() -> None:
    rng = np.random.default_rng(7)
    features = rng.normal(size=(2_400, 3))
    labels = np.where(np.arange(2_400) < 1_200, features[:, 0] > 0, features[:, 0] + 1.5 * features[:, 1] > 0)
    table = pa.table({**{f"x{place}": features[:, place] for place in range(3)}, "label": labels})
    run = run_check(CARD, table, table.slice(0, 1_200), columns={"label": "label"})
    assert all(item.signal is Signal.DRIFT or "are labelled" in item.message for item in run.findings)
    assert run.findings


def test_a_relabelled_corner_is_described_and_named() -> None:
    rng = np.random.default_rng(8)
    features = rng.uniform(size=(3_000, 4))
    labels = features[:, 0] > 0.5
    corner = (np.arange(3_000) >= 1_800) & (features[:, 0] < 0.5) & (features[:, 1] > 0.8)
    table = pa.table({**{f"x{place}": features[:, place] for place in range(4)}, "label": labels ^ corner})
    (finding,) = run_check(CARD, table, table.slice(0, 1_800), columns={"label": "label"}).findings
    assert finding.signal is Signal.POISONING
    assert "New rows with x0" in finding.message
    assert "are labelled true" in finding.message
    named = np.asarray(finding.rows)
    assert corner[named].mean() > 0.9
    assert len(named) > 0.9 * corner.sum()


def test_pictures_speak_for_the_label_too() -> None:
    digits = load_digits(n_class=4)
    pixels = [(255 * item / 16).astype(np.uint8).ravel().tolist() for item in digits.images]
    labels = digits.target.copy()
    rows = np.random.default_rng(9).choice(np.arange(400, len(labels)), 30, replace=False)
    labels[rows] = (labels[rows] + 1) % 4
    table = pa.table({"pixels": pa.array(pixels, pa.list_(pa.uint8())), "label": labels})
    reference = table.set_column(1, "label", pa.array(digits.target)).slice(0, 400)
    run = run_check(CARD, table, reference, columns={"label": "label"})
    (finding,) = run.findings
    assert len(set(finding.rows) & set(rows.tolist())) >= 24
