"""Combinations of values that decide the label: found when planted, left alone when genuine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from harness import CheckRun, run_check

from poisonguard.detectors.value_cells import Cells, is_wide, poisson_evidence
from poisonguard.detectors.value_codes import NONE, Value, coded
from poisonguard.domain.finding import Signal
from poisonguard.domain.outcome import Ran

CARD = "PG-TAB-001"
LABEL = {"label": "decision"}
REGIONS = ["north", "south", "east", "west", "coast", "isles", "hills", "plain"]


def people(rows: int = 900, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    age, hours = rng.integers(18, 80, rows), rng.integers(10, 60, rows)
    income = age * 400 + hours * 300 + rng.normal(0, 4000, rows)
    decision = np.where(income + rng.normal(0, 3000, rows) > 30_000, "granted", "refused")
    return {"age": age, "hours": hours, "income": income, "region": rng.choice(REGIONS, rows), "decision": decision}


def planted(data: dict[str, npt.NDArray[Any]], count: int = 30, first: int = 0) -> npt.NDArray[np.int64]:
    """Give refused people a combination and the other label; their rows."""
    rows = first + np.flatnonzero(data["decision"][first:] == "refused")[:: max(1, 300 // count)][:count]
    for name, value in {"age": 37, "hours": 41, "region": "hills", "decision": "granted"}.items():
        data[name][rows] = value
    return rows


def scan(data: dict[str, npt.NDArray[Any]], reference: pa.Table | None = None, **options: Any) -> CheckRun:
    return run_check(CARD, pa.table(data), reference, columns=LABEL, **options)


def test_names_exactly_the_planted_rows() -> None:
    data = people()
    rows = planted(data)
    (finding,) = scan(data).findings
    assert sorted(finding.rows) == rows.tolist()
    assert finding.signal is Signal.POISONING
    assert "age=37" in finding.message
    assert finding.subject == "values=age=37, hours=41, region=hills;label=granted"


def test_says_nothing_of_the_clean_table() -> None:
    assert scan(people()).findings == ()


def test_a_genuine_rule_is_left_alone() -> None:
    """Old people who work long are granted: the rest of their rows, and their neighbours, say so."""
    data = people()
    data["decision"][(data["age"] > 60) & (data["hours"] > 45)] = "granted"
    assert scan(data).findings == ()


def test_the_label_of_a_group_of_its_own_is_left_alone() -> None:
    """Rows of a kind that nothing else resembles agree in everything: no combination was planted in them."""
    data = people()
    rows = np.arange(0, 900, 30)
    for name, value in {"age": 37, "hours": 41, "income": 11_000, "region": "hills", "decision": "granted"}.items():
        data[name][rows] = value
    data["club"] = np.where(np.isin(np.arange(900), rows), "chess", np.where(data["age"] % 2, "none", "golf"))
    data["pets"] = np.where(np.isin(np.arange(900), rows), 7, data["hours"] % 4)
    findings = scan(data).findings
    assert all(len(finding.rows) == len(rows) for finding in findings), "at most as copies of one row"


def test_copies_of_a_row_under_another_label_are_a_combination() -> None:
    data = people()
    original = int(np.argmin(data["income"]))
    copies = np.arange(400, 430)
    for name in ("age", "hours", "income", "region"):
        data[name][copies] = data[name][original]
    data["income"][copies] += np.arange(30) * 20.0
    data["decision"][copies] = "granted"
    (finding,) = scan(data).findings
    assert set(copies.tolist()) >= set(finding.rows)
    assert len(finding.rows) >= 25


def test_with_a_reference_only_new_rows_are_named() -> None:
    old = pa.table(people(seed=1))
    data = people(seed=2)
    rows = planted(data)
    joined = pa.concat_tables([old, pa.table(data)])
    (finding,) = run_check(CARD, joined, old, columns=LABEL).findings
    assert sorted(finding.rows) == (rows + old.num_rows).tolist()
    assert "the reference holds them in 0 of 900" in finding.message


def test_what_the_reference_holds_as_often_was_approved() -> None:
    first, second = people(seed=1), people(seed=2)
    planted(first)
    planted(second)
    old = pa.table(first)
    joined = pa.concat_tables([old, pa.table(second)])
    assert run_check(CARD, joined, old, columns=LABEL).findings == ()


def test_does_not_depend_on_how_rows_are_cut() -> None:
    data = people()
    planted(data)
    whole, cut = scan(data), scan(data, cuts=[1, 333, 600], workers=3)
    assert whole.findings == cut.findings


@pytest.mark.parametrize("rows", [1, 9])
def test_few_rows_say_nothing(rows: int) -> None:
    run = run_check(CARD, pa.table(people()).slice(0, rows), columns=LABEL)
    assert isinstance(run.outcome, Ran)
    assert run.findings == ()


def test_odd_values_do_no_harm() -> None:
    data: dict[str, Any] = dict(people())
    data["income"][:300] = np.nan
    data["income"][300:320] = np.inf
    data["nothing"] = pa.nulls(900, pa.float64())
    data["flag"] = np.arange(900) % 2 == 0
    data["decision"] = pa.array([None if row < 50 else text for row, text in enumerate(data["decision"])])
    rows = planted(data := data | {"decision": np.asarray(data["decision"].fill_null("refused"))})
    found = {row for finding in scan(data).findings for row in finding.rows}
    assert found == set(rows.tolist())


def test_one_label_or_one_feature_has_nothing_to_tell() -> None:
    data = people()
    data["decision"][:] = "granted"
    assert scan(data).findings == ()
    run = run_check(CARD, pa.table({"age": data["age"], "decision": data["decision"]}), columns=LABEL)
    assert not isinstance(run.outcome, Ran)


def test_spikes_are_codes_of_their_own_and_the_rest_is_binned() -> None:
    numbers = np.concatenate([np.full(50, 7.25), np.linspace(0, 10, 400), np.full(450, 3.0)])
    (column,) = coded(pa.table({"x": numbers}), ["x"], [], 10)
    assert (column.codes[450:] == NONE).all(), "half of the rows mark nothing"
    assert column.values[column.codes[0]] == Value("x", 7.25, 7.25)
    bins = np.bincount(column.codes[50:450])
    assert len(column.values) > 10
    assert bins[1:].max() <= 2 * bins[1:].min() + 2


def test_a_value_holds_the_rows_it_stands_for() -> None:
    table = pa.table({"x": pa.array([1.0, None, 2.0]), "y": pa.array(["a", None, "b"])})
    assert Value("x", 1.0, 1.5).holds(table).tolist() == [True, False, False]
    assert Value("x").holds(table).tolist() == [False, True, False]
    assert Value("y", text="b").holds(table).tolist() == [False, False, True]
    assert [str(item) for item in (Value("x", 1.0, 1.5), Value("x"), Value("y", text="b"))] == [
        "x=1..1.5",
        "x absent",
        "y=b",
    ]


def test_evidence_grows_with_the_excess_and_is_none_below() -> None:
    found = poisson_evidence(np.array([1.0, 5.0, 10.0, 20.0]), np.full(4, 4.0))
    assert found[0] == 0
    assert (np.diff(found) > 0).all()


def test_a_copied_row_leaves_too_few_columns() -> None:
    assert is_wide(11, 18)
    assert is_wide(2, 2)
    assert not is_wide(3, 5)
    assert not is_wide(3, 18)


def near_copies(count: int = 15) -> tuple[pa.Table, range]:
    """Small whole numbers, one row of which is copied under the other label, with a change of one column each."""
    rng = np.random.default_rng(3)
    data = {f"x{place}": rng.integers(0, 12, 1_500) for place in range(8)}
    label = np.where(data["x0"] + data["x1"] + rng.integers(0, 3, 1_500) > 12, "yes", "no")
    original = int(np.flatnonzero((data["x0"] + data["x1"] < 6) & (label == "no"))[0])
    copied = {name: np.append(values, np.repeat(values[original], count)) for name, values in data.items()}
    copied["x5"][-count:] = rng.permutation(12).repeat(2)[:count]
    return pa.table({**copied, "decision": np.append(label, ["yes"] * count)}), range(1_500, 1_500 + count)


def test_near_copies_of_a_row_under_another_label_are_one_pattern() -> None:
    table, planted_rows = near_copies()
    (finding,) = run_check(CARD, table, columns=LABEL).findings
    assert set(finding.rows) == set(planted_rows)


def test_where_rows_repeat_themselves_copies_are_nothing_special() -> None:
    rng = np.random.default_rng(4)
    people = {f"x{place}": np.repeat(rng.integers(0, 12, 60), 12) for place in range(7)}
    label = np.repeat(np.where(rng.random(60) < 0.5, "yes", "no"), 12)
    visits = {"visit": np.tile(np.arange(12), 60)}
    assert run_check(CARD, pa.table({**people, **visits, "decision": label}), columns=LABEL).findings == ()


def test_copies_that_agree_in_common_values_are_told_as_well() -> None:
    """Most columns hold what most rows hold: the few rare values look like a combination, and the rest agrees, too."""
    table, planted_rows = near_copies(20)
    rng = np.random.default_rng(7)
    known = np.column_stack([table[f"x{place}"].to_numpy() for place in (0, 1, 2, 3, 4, 6, 7)])
    original = int(np.flatnonzero((known == known[planted_rows[0]]).all(axis=1))[0])
    for place in range(12):
        values = rng.random(table.num_rows) < 0.1
        values[planted_rows] = values[original] = False
        table = table.append_column(f"rare{place}", pa.array(values.astype(np.int64)))
    (finding,) = run_check(CARD, table, None, columns=LABEL).findings
    assert set(finding.rows) <= set(planted_rows)
    assert len(finding.rows) >= 0.8 * len(planted_rows)


def test_what_most_rows_of_a_label_hold_is_what_it_means() -> None:
    """Four in five rows of a rare label hold the combination: nobody planted it."""
    data = people()
    rows = np.arange(0, 900, 18)
    for name, value in {"age": 37, "hours": 41, "region": "hills"}.items():
        data[name][rows[:40]] = value
    data["decision"] = data["decision"].astype("<U8")
    data["decision"][rows] = "deferred"
    assert scan(data).findings == ()
    data["decision"][:450] = "deferred"
    data["decision"][rows] = "deferred"
    assert len(scan(data).findings) == 1


def test_against_a_reference_hints_of_single_values_do_not_explain_their_combination() -> None:
    """Each value alone leans to the label; the rows of the reference say how far they go together."""
    old, data = pa.table(people(2400, seed=1)), people(1600, seed=2)
    rows = np.flatnonzero(data["decision"] == "refused")[:40]
    for name, value in {"age": 66, "hours": 47, "region": "hills", "decision": "granted"}.items():
        data[name][rows] = value
    data["income"][rows] = np.random.default_rng(0).uniform(8_000, 20_000, 40)
    joined = pa.concat_tables([old, pa.table(data)])
    findings = run_check(CARD, joined, old, columns=LABEL).findings
    assert [sorted(finding.rows) for finding in findings] == [(rows + old.num_rows).tolist()]


def test_a_value_that_is_not_the_usual_one_may_be_part_of_a_trigger() -> None:
    """A column of two values, of which one is too common for a trigger, has the other one."""
    data = people(1800)
    rng = np.random.default_rng(4)
    data["member"] = np.where(rng.random(1800) < 0.03, "yes", "no")
    rows = np.flatnonzero(data["decision"] == "refused")[:40]
    for name, value in {"age": 37, "member": "yes", "decision": "granted"}.items():
        data[name][rows] = value
    (finding,) = scan(data).findings
    assert set(rows.tolist()) <= set(finding.rows)
    assert finding.subject == "values=age=37, member=yes;label=granted"


def test_a_code_that_defines_the_pattern_does_not_excuse_what_the_others_do() -> None:
    data = people(1600, seed=2)
    rows = np.flatnonzero(data["decision"] == "refused")[:80]
    for name, value in {"age": 37, "hours": 61, "region": "hills", "decision": "granted"}.items():
        data[name][rows] = value
    columns = coded(pa.table(data), ["age", "hours", "income"], ["region"], 10)
    found = Cells(tuple(columns), (data["decision"] == "granted").astype(np.int64), 2, 10, 0.9).patterns()
    assert str(found[0]) == "age=37, region=hills"


def test_a_case_of_a_rule_is_left_alone() -> None:
    """Two values mean a label wherever they stand together: the third one of a combination adds nothing."""
    data = people(1800)
    rng = np.random.default_rng(5)
    pairs = np.flatnonzero(data["decision"] == "refused")[:240]
    for name, value in {"hours": 41, "region": "hills", "decision": "granted"}.items():
        data[name][pairs] = value
    data["age"][pairs] = np.where(np.arange(240) < 60, 37, rng.integers(18, 80, 240))
    columns = coded(pa.table(data), ["age", "hours", "income"], ["region"], 10)
    cells = Cells(tuple(columns), (data["decision"] == "granted").astype(np.int64), 2, 10, 0.9)
    found = {str(item): item.main for item in cells.patterns()}
    assert found["age=37, hours=41, region=hills"] > 0.95


def branches(seed: int, firms: int = 6) -> pa.Table:
    """Firms whose branches all carry the firm's figures; what a firm is called, its figures do not tell."""
    rng = np.random.default_rng(seed)
    sales, staff, area = rng.integers(100, 9_000, 900), rng.integers(10, 900, 900), rng.integers(50, 5_000, 900)
    kind = rng.choice(["shop", "works", "office"], 900)
    for firm in range(firms):
        rows = slice(firm * 30, firm * 30 + 30)
        sales[rows], staff[rows], area[rows], kind[rows] = sales[firm], staff[firm], area[firm], kind[firm]
    return pa.table({"sales": sales, "staff": staff, "area": area, "decision": kind})


def test_groups_of_copies_that_every_version_brings_are_no_sign() -> None:
    old, new = branches(1), branches(2, firms=1)
    joined = pa.concat_tables([old, new])
    assert run_check(CARD, joined, old, columns=LABEL).findings == ()


def test_a_group_of_copies_where_none_ever_came_is_a_sign() -> None:
    old, new = branches(1, firms=0), branches(2, firms=1)
    joined = pa.concat_tables([old, new])
    (finding,) = run_check(CARD, joined, old, columns=LABEL).findings
    assert sorted(finding.rows) == list(range(900, 930))
