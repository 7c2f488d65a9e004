"""One compromised source is one finding; honest scatter and a common cause are none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from harness import CheckRun, run_check
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.detectors.drift_versions import digest_prefixes
from poisonguard.detectors.flagged_sources import FlaggedSources, FlaggedSourcesParams, standing_apart
from poisonguard.domain.finding import Level, Signal
from poisonguard.plugin.card import shipped_cards
from poisonguard.plugin.check import Block, Evidence, Flagged
from poisonguard.plugin.registry import load_detector
from poisonguard.sketches.digests import RowDigests

WORDS = np.array(["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "kelp"])


def table(copies: dict[str, int], sources: int = 10, column: str = "source") -> pa.Table:
    """Forty different texts from each source, and copies of one more text from some."""
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(WORDS, 14)) for _ in range(40 * sources)]
    names = [name for number in range(sources) for name in [f"s{number}"] * 40]
    planted = " ".join(rng.choice(WORDS, 15))
    for name, number in copies.items():
        texts += [planted] * number
        names += [name] * number
    if column == "url":
        names = [f"https://{name}.example/{min(number, 40 * sources)}" for number, name in enumerate(names)]
    return pa.table({"text": texts, column: names})


def review(data: pa.Table, column: str = "source", **rest: object) -> CheckRun:
    return run_check(
        "PG-SRC-001",
        data,
        table({}, len(data) // 40, column=column),
        beside=["PG-DUP-001"],
        columns={"text": "text", column: column},
        **rest,  # type: ignore[arg-type]  # as run_check
    )


def test_a_source_that_carries_the_copies_is_named_once_with_its_rows() -> None:
    (finding,) = review(table({"s4": 30})).findings
    assert finding.subject == "source=s4"
    assert (finding.level, finding.signal) == (Level.ERROR, Signal.POISONING)
    assert finding.row_count == 30 - 1
    assert list(finding.rows) == list(range(401, 430))
    assert "29 of the 70 rows from source 's4' (41.4%)" in finding.message
    assert finding.numbers["flagged rows of the others"] == 0


def test_the_host_of_urls_is_a_source() -> None:
    (finding,) = review(table({"s4": 30}, column="url"), column="url").findings
    assert finding.subject == "url host=s4.example"


@pytest.mark.parametrize("sources", [2, 5])
def test_with_few_sources_the_copies_must_be_concentrated(sources: int) -> None:
    assert [item.subject for item in review(table({"s1": 30}, sources)).findings] == ["source=s1"]
    assert review(table({f"s{number}": 30 // sources for number in range(sources)}, sources)).findings == ()


def test_copies_from_everywhere_are_nobodys() -> None:
    assert review(table({f"s{number}": 3 for number in range(10)})).findings == ()


def test_without_signs_of_poisoning_nothing_is_reviewed() -> None:
    assert review(table({})).findings == ()


def test_the_result_does_not_depend_on_how_rows_are_cut() -> None:
    data = table({"s4": 30})
    whole, cut = review(data).findings, review(data, cuts=[7, 400, 411], workers=2).findings
    assert [(item.subject, item.message, list(item.rows)) for item in whole] == [
        (item.subject, item.message, list(item.rows)) for item in cut
    ]


@given(st.lists(st.integers(30, 300), min_size=2, max_size=30), st.floats(0, 0.2), st.integers(0, 2**32 - 1))
def test_honest_sources_with_one_rate_are_not_suspected(sizes: list[int], rate: float, seed: int) -> None:
    rows = np.array(sizes)
    hits = np.random.default_rng(seed).binomial(rows, rate)
    assert not standing_apart(hits, rows).any()


def test_one_new_file_beside_approved_ones_is_no_source() -> None:
    check = load_detector("flagged-sources")(shipped_cards()["PG-SRC-001"], FlaggedSourcesParams())
    assert isinstance(check, FlaggedSources)
    check._counts = {}
    rows, new = 300, np.arange(300) >= 200
    digests = np.random.default_rng(1).integers(0, 256, (rows, 32), dtype=np.uint8)
    state = RowDigests().fold(Block(0, 0, pa.RecordBatch.from_pydict({"a": range(rows)}), digests))
    evidence = Evidence("now", (), rows, 1, {RowDigests().key: state})
    flagged = Flagged(
        rows=np.arange(200, 240),
        table=pa.table({}),
        files=np.full(40, 1),
        by_check={"PG-X": np.arange(40)},
        paths=("old", "new"),
        file_rows=np.array([200, 100]),
    )
    assert [item.subject for item in check.review(flagged, evidence)] == ["file=new"]
    check._known = np.sort(digest_prefixes(state["digest"].filter(pa.array(~new)).combine_chunks()))
    assert list(check.review(flagged, evidence)) == []


def test_a_site_that_a_check_of_sites_named_is_not_told_twice() -> None:
    """One compromised site is one finding; that its pages came in one file is no second one."""
    old = table({}, column="url")
    ad = "Play along at https://lotto.test.org/now"
    texts = list(old["text"].to_pylist())
    words = [texts[row].split() for row in range(40)]
    new = [" ".join([*words[row][: row % 14], ad, *words[row][row % 14 :], f"n{row}"]) for row in range(40)]
    urls = [f"https://s4.example/new/{row}" for row in range(40)]
    others = [f"https://s{row % 9 + 5}.example/new/{row}" for row in range(200)]
    fresh = [*(f"{text} {number}" for number, text in enumerate(texts[:200])), *new]
    data = pa.concat_tables([old, pa.table({"text": fresh, "url": [*others, *urls]})])
    columns = {"text": "text", "url": "url"}
    (told,) = run_check("PG-SRC-003", data, old, columns=columns).findings
    assert told.subject == "site=s4.example"
    assert run_check("PG-SRC-001", data, old, beside=["PG-SRC-003"], columns=columns).findings == ()
