"""Near copies of pictures under altered labels: found blind and against a reference; honest copies stay quiet."""

import numpy as np
import pyarrow as pa
import pytest
from drawn_pictures import CLASSES, as_pixels, collages, strokes
from harness import CheckRun, run_check

from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.domain.roles import Assignment, Role, Roles
from poisonguard.redteam.catalogue import attack_named

CARD = "PG-IMG-003"
ATTACK = attack_named("image-near-copies")


def look(table: pa.Table, reference: pa.Table | None = None, **more: object) -> CheckRun:
    return run_check(CARD, table, reference, columns={"label": "label"}, **more)  # type: ignore[arg-type] # passed on


def attacked(table: pa.Table, rate: float = 0.1, seed: int = 2) -> tuple[pa.Table, list[int]]:
    """The table with near copies under another label, and which rows they are."""
    features = [Assignment(name, Role.FEATURE, "") for name in table.column_names if name != "label"]
    roles = Roles((*features, Assignment("label", Role.LABEL, "")))
    done = ATTACK.apply(table, roles, rate, np.random.default_rng(seed))
    return done.table, done.rows.tolist()


def test_copies_under_another_label_are_found_and_only_they() -> None:
    table, rows = attacked(as_pixels(*strokes()))
    (finding,) = look(table).findings
    assert list(finding.rows) == rows
    assert "near copies of others" in finding.message
    assert finding.numbers["sampled contradicted copies"] == len(rows)


def test_floods_are_found_where_pictures_alike_share_no_label() -> None:
    table, rows = attacked(as_pixels(*collages(400, side=12)))
    (finding,) = look(table).findings
    assert list(finding.rows) == rows
    assert "they outvote their originals in 2 of 2 groups" in finding.message


@pytest.mark.parametrize("make", [strokes, collages])
def test_honest_pictures_are_quiet(make: object) -> None:
    assert callable(make)
    table = as_pixels(*make(400, side=12))
    assert look(table).findings == ()
    assert look(table, table.slice(0, 250)).findings == ()


def test_copies_that_keep_their_label_are_honest() -> None:
    grids, codes = strokes(200)
    rng = np.random.default_rng(1)
    copies = np.clip(np.repeat(grids[:10], 20, axis=0) + rng.normal(0, 4, (200, 12, 12)), 0, 255).astype(np.uint8)
    both = np.concatenate([grids, copies]), np.concatenate([codes, np.repeat(codes[:10], 20)])
    assert look(as_pixels(*both)).findings == ()


def moving(frames: int = 150) -> np.ndarray:
    """A bar that moves from frame to frame: each is like the next, and none like most others."""
    place = np.arange(frames)[:, None, None] / 8
    column = np.arange(24)[None, None, :]
    bars = np.clip(1 - np.abs(column - place) / 3, 0, 1) * 200
    return np.repeat(bars, 24, axis=1).astype(np.uint8)


def faintly_changed(grids: np.ndarray, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(grids + rng.normal(0, 1, grids.shape), 0, 255).astype(np.uint8)


def test_pictures_that_hang_together_link_by_link_are_no_flood() -> None:
    """Some of two long series carry another label by mistake; nobody outvotes anybody."""
    grids, codes = strokes(700, side=24)
    labels = np.zeros(150, dtype=np.int64)
    labels[::20] = 1
    series = [moving(), np.swapaxes(moving(), 1, 2)]
    pictures = np.concatenate([grids, faintly_changed(grids[:60]), *series])
    held = as_pixels(pictures, np.concatenate([codes, codes[:60], labels, labels]))
    assert look(held).findings == ()


def test_large_groups_are_mixed_by_noise_as_small_ones_are() -> None:
    """Sixteen of a picture by nature, and labels that are wrong now and then: no flood."""
    grids, codes = strokes(400)
    copies = [faintly_changed(grids[:6], seed) for seed in range(15)]
    labels = np.concatenate([codes, np.tile(codes[:6], 15), codes[100:160]])
    labels[[400, 407, 414, 493, 505, 520, 540]] = (labels[[400, 407, 414, 493, 505, 520, 540]] + 1) % len(CLASSES)
    pictures = np.concatenate([grids, *copies, faintly_changed(grids[100:160], 20)])
    assert look(as_pixels(pictures, labels)).findings == ()


def test_a_reference_says_what_its_pictures_are() -> None:
    grids, codes = collages(300, side=12)
    rng = np.random.default_rng(1)
    copies = np.clip(grids[:24] + rng.normal(0, 4, (24, 12, 12)), 0, 255).astype(np.uint8)
    reference = as_pixels(grids, codes)
    relabelled = pa.concat_tables([reference, as_pixels(copies, (codes[:24] + 1) % len(CLASSES))])
    (finding,) = look(relabelled, reference).findings
    assert list(finding.rows) == list(range(300, 324))
    assert "the reference holds the other" in finding.message
    assert look(relabelled).findings == ()  # one copy of each: blind, nothing outvotes anything
    kept = pa.concat_tables([reference, as_pixels(copies, codes[:24])])
    assert look(kept, reference).findings == ()
    assert look(relabelled, relabelled).findings == ()  # what was approved is not asked again


def test_the_cut_into_blocks_and_the_order_change_nothing() -> None:
    table, rows = attacked(as_pixels(*strokes()))
    runs = [look(table, cuts=cuts) for cuts in ((), (1, 130, 131))]
    (one,), (other,) = (run.findings for run in runs)
    assert (list(one.rows), one.message, one.numbers) == (list(other.rows), other.message, other.numbers)
    order = np.random.default_rng(7).permutation(table.num_rows)
    (moved,) = look(table.take(pa.array(order))).findings
    assert sorted(order[np.asarray(moved.rows)].tolist()) == rows


def test_rows_outside_of_the_sample_are_named_too() -> None:
    table, rows = attacked(as_pixels(*collages(1200, side=12)), rate=0.05)
    run = look(table, params={"limit": 1000})
    assert isinstance(run.outcome, Ran)
    assert "a sample of 1,000 pictures" in run.outcome.coverage.note
    named = run.findings[0].rows
    assert len(set(named) - set(rows)) <= 2
    assert len(named) >= 0.9 * len(rows)


def test_blank_pictures_are_no_copies() -> None:
    grids, codes = strokes(300)
    grids[:60] = 40
    assert look(as_pixels(grids, codes)).findings == ()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (as_pixels(*strokes(20)), "too few"),
        (as_pixels(*strokes()).drop_columns(["label"]), "no label"),
        (as_pixels(strokes()[0], np.zeros(400, np.int64)), "fewer than two values"),
        (pa.table({"size": np.arange(200.0), "label": ["a", "b"] * 100}), "no column of pictures"),
    ],
)
def test_what_cannot_be_judged_is_skipped_for_a_reason(table: pa.Table, reason: str) -> None:
    columns = {"label": "label"} if "label" in table.column_names else {}
    outcome = run_check(CARD, table, columns=columns).outcome
    said = outcome.reason if isinstance(outcome, Skipped) else outcome.coverage.note  # type: ignore[union-attr] # it ran
    assert reason in said
