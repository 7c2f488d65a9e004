"""A judgement that was kept comes back as it was, or not at all."""

from __future__ import annotations

import importlib.metadata
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_checks import Fake, card_finding
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.domain.finding import Example, Finding, Level, Signal
from poisonguard.engine import codeversion, judgements
from poisonguard.engine.judgements import Judgement, Judgements, Scale, subject_of
from poisonguard.engine.objects import LocalObjects
from poisonguard.engine.workstore import WorkStore

KEY = bytes(range(32))
CHECK = Fake(1)
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
NUMBER = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), TEXT)
ROW = st.integers(0, 2**62)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judgements, "OWN_CHECKS", "fake_checks")


def kept_in(folder: Path, subject: str = "s") -> Judgements:
    return Judgements(WorkStore(LocalObjects(str(folder)), KEY), subject, [CHECK])


def judgement(*findings: Finding, scale: Scale | None = None) -> Judgement:
    return Judgement(findings, (), (), (), 100, "", scale)


findings = st.builds(
    Finding,
    check=TEXT,
    level=st.sampled_from(Level),
    signal=st.sampled_from(Signal),
    subject=TEXT,
    message=TEXT,
    compared_with=TEXT,
    confidence=st.floats(0, 1),
    column=st.none() | TEXT,
    path=st.none() | TEXT,
    numbers=st.dictionaries(TEXT, NUMBER, max_size=3),
    rows=st.lists(ROW, max_size=3).map(tuple),
    row_count=st.integers(0, 2**70),
    highlight=st.none() | TEXT,
    private=st.booleans(),
)
groups = st.lists(findings, max_size=2).map(tuple)


@settings(max_examples=60, deadline=None)
@given(
    lists=st.tuples(groups, groups, groups),
    notes=st.lists(TEXT, max_size=2).map(tuple),
    scale=st.none() | st.builds(Scale, st.floats(0, 1), st.none() | st.floats(0, 1), st.floats(0, 1)),
    scores=st.lists(st.floats(0, 1, width=32), max_size=9),
)
def test_it_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, lists: Any, notes: Any, scale: Scale | None, scores: Any
) -> None:
    kept = kept_in(tmp_path_factory.mktemp("store"))
    column = np.array(scores, np.float32)
    said = Judgement(lists[0], lists[1], lists[2], notes, len(column), "".join(notes), scale)
    kept.keep(CHECK, said, None if scale is None else column)
    found = kept.find(CHECK, len(column))
    assert found is not None
    assert (None if found.scores is None else found.scores.to_pylist()) == (None if scale is None else column.tolist())
    assert repr(found) == repr(said)


def test_rows_in_an_array_come_back_in_one(tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    kept.keep(CHECK, judgement(card_finding(1, rows=np.array([3, 1 << 40]))), None)
    found = kept.find(CHECK, 100)
    assert found is not None
    (finding,) = found.findings
    rows: Any = finding.rows
    assert isinstance(rows, np.ndarray)
    assert rows.dtype == np.int64
    assert rows.tolist() == [3, 1 << 40]


def test_many_scores_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judgements, "WRITE_ROWS", 7)
    kept, scores = kept_in(tmp_path), np.linspace(0, 1, 30, dtype=np.float32)
    kept.keep(CHECK, judgement(scale=Scale(0.5, None, 0.0)), scores)
    found = kept.find(CHECK, 30)
    assert found is not None
    assert found.scores is not None
    assert found.scores.num_chunks == 5
    assert found.scores.to_numpy().tolist() == scores.tolist()


@pytest.mark.parametrize(
    "finding",
    [
        card_finding(1, numbers={"n": np.float32(0.1)}),
        card_finding(1, numbers={"n": np.int64(1)}),
        card_finding(1, examples=(Example("a", 1, None, ()),)),
    ],
)
def test_what_would_come_back_as_something_else_is_not_kept(tmp_path: Path, finding: Finding) -> None:
    kept = kept_in(tmp_path)
    kept.keep(CHECK, judgement(finding), None)
    assert kept_in(tmp_path).find(CHECK, 100) is None
    assert kept.spoilt == 0


def test_infinite_numbers_come_back(tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    kept.keep(CHECK, judgement(card_finding(1, numbers={"up": math.inf, "none": math.nan})), None)
    found = kept.find(CHECK, 100)
    assert found is not None
    assert found.findings[0].numbers["up"] == math.inf
    assert math.isnan(float(found.findings[0].numbers["none"]))


def test_scores_of_other_rows_are_no_scores(tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    kept.keep(CHECK, judgement(scale=Scale(0.5, None, 0.0)), np.zeros(99, np.float32))
    assert kept_in(tmp_path).find(CHECK, 100) is None


def test_a_check_of_others_is_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kept_in(tmp_path)
    kept.keep(CHECK, judgement(), None)
    assert kept_in(tmp_path).find(CHECK, 100) is not None
    monkeypatch.undo()
    assert kept_in(tmp_path).find(CHECK, 100) is None
    kept_in(tmp_path, "other").keep(CHECK, judgement(), None)
    assert not (tmp_path / "other").exists()


def test_facts_that_lie_otherwise_are_another_subject() -> None:
    facts: list[tuple[object, ...]] = [
        ("a", "b"),
        ("ab",),
        (["a", "b"],),
        ("a", ["b"]),
        ("b", "a"),
        (1,),
        ("1",),
        (None,),
    ]
    assert len({subject_of(*fact) for fact in facts}) == len(facts)


def test_an_edit_of_what_judges_or_another_library_is_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = (*codeversion.PACKAGES, *codeversion.JUDGING_PACKAGES)
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text("x = 1\n")
    names = (*codeversion.LIBRARIES, *codeversion.JUDGING_LIBRARIES)
    versions = {codeversion.version_of(tmp_path, folders, names)}
    for folder in folders:
        (tmp_path / folder / "code.py").write_text("x = 2\n")
        versions.add(codeversion.version_of(tmp_path, folders, names))
    real = importlib.metadata.version
    for name in ("numpy", "scikit-learn", "scipy", "threadpoolctl"):
        assert name in names
        with monkeypatch.context() as patch:
            patch.setattr("importlib.metadata.version", lambda asked, name=name: real(asked) + "1" * (asked == name))
            versions.add(codeversion.version_of(tmp_path, folders, names))
    assert len(versions) == 1 + len(folders) + 4
    assert codeversion.judging_version() != codeversion.code_version()
