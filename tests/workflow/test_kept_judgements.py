"""A scan of exactly the same asks no check again, says the same, and believes nobody but the user's own store."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from poisonguard.attest.canonical import canonical
from poisonguard.attest.scan_v1 import scan_of, scan_to_json
from poisonguard.detectors.exact_duplicates import ExactDuplicates
from poisonguard.domain.outcome import Failed
from poisonguard.engine import judge as judging
from poisonguard.engine.judgements import Judgements
from poisonguard.engine.objects import LocalObjects
from poisonguard.engine.workstore import WorkStore
from poisonguard.errors import UsageError
from poisonguard.plugin.check import Context, Evidence
from poisonguard.reports.json_v1 import render
from poisonguard.workflow import kept_judgements
from poisonguard.workflow.request import ScanRequest
from poisonguard.workflow.scan import open_scan
from poisonguard.workflow.scan_run import Run

ROWS = 300
OWN = ["PG-DUP-001", "PG-OUT-001", "PG-TAB-001"]
ONLOOKERS = ["PG-LABEL-002", "PG-LABEL-004", "PG-SRC-001"]
ALL = sorted(OWN + ONLOOKERS)
PACK = "name: few\nwhat: Checks of every kind of answer that is kept.\nchecks:\n" + "".join(
    f"- {{card: {card}}}\n" for card in ALL
)
MODELS = f"{PACK}- {{card: PG-LABEL-001}}\n"
REQUEST = ScanRequest(data="data", packs=("few.yaml",), workers=2)
KEPT = replace(REQUEST, keep_states=True)
pytestmark = pytest.mark.usefixtures("files_apart")

Said = tuple[str, bytes, bytes, bytes]


def table(seed: int) -> pa.Table:
    """Rows whose label follows from them, but in one source: there it is turned round."""
    draw = random.Random(seed)  # noqa: S311 - data, not secrets
    sizes = [draw.gauss(0, 1) for _ in range(ROWS)]
    sources = draw.choices(["web", "book", "crowd"], [5, 4, 1], k=ROWS)
    labels = [str((size > 0) != (source == "crowd")) for size, source in zip(sizes, sources, strict=True)]
    width = [size * 3 + draw.gauss(0, 0.2) for size in sizes]
    return pa.table({"size": sizes, "width": width, "source": sources, "label": labels})


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "few.yaml").write_text(PACK)
    for folder, first in (("data", 0), ("approved", 10)):
        (tmp_path / folder).mkdir()
        for number in range(4):
            pq.write_table(table(first + number), tmp_path / folder / f"{number}.parquet")
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cards of the checks that were asked."""
    cards: list[str] = []
    real = judging._judge

    def counted(check: Any, *rest: Any) -> Any:
        cards.append(check.card.id)
        return real(check, *rest)

    monkeypatch.setattr(judging, "_judge", counted)
    return cards


def said(request: ScanRequest) -> Said:
    """The report, the profile and the statement that are signed, and the score of every row."""
    with open_scan(request) as finished:
        report, profile = render(finished.result), finished.profile()
        digests = [f"sha256:{hashlib.sha256(item).hexdigest()}" for item in (report.encode(), profile)]
        now = datetime(2020, 1, 1, tzinfo=UTC)
        document = scan_of(finished.result, scanned=now, report_digest=digests[0], profile_digest=digests[1])
        scores, flags, names = finished.book.fused(0, finished.book.total)
        rows = scores.tobytes() + flags.tobytes() + "\n".join(names).encode()
        return report, profile, canonical(scan_to_json(document)), rows


@contextmanager
def remarked(request: ScanRequest) -> Iterator[tuple[str, ...]]:
    with open_scan(request) as finished:
        yield finished.remarks


def units(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file() and "judged" in path.parts)


@pytest.mark.parametrize("reference", [None, "approved"])
def test_of_exactly_the_same_nothing_is_judged_again(place: Path, reference: str | None, asked: list[str]) -> None:
    (place / "few.yaml").write_text(MODELS)
    request = replace(REQUEST, reference=reference)
    plain = said(request)
    assert "PG-SRC-001" in plain[0]
    kept = replace(request, keep_states=True)
    assert said(kept) == plain
    asked.clear()
    assert said(kept) == plain
    assert said(replace(kept, engine="processes", workers=1)) == plain
    assert asked == []


def test_one_that_looks_at_others_is_asked_again_when_one_of_them_is(place: Path, asked: list[str]) -> None:
    said(KEPT)
    asked.clear()
    (place / "few.yaml").write_text(PACK.replace("PG-OUT-001}", "PG-OUT-001, params: {far_out: 0.002}}"))
    changed = said(KEPT)
    assert asked == sorted([*ONLOOKERS, "PG-OUT-001"])
    assert changed == said(REQUEST)


def test_a_version_that_changed_is_judged_as_a_whole(place: Path, asked: list[str]) -> None:
    first = said(KEPT)
    asked.clear()
    before = (place / "data" / "2.parquet").read_bytes()
    pq.write_table(table(9), place / "data" / "2.parquet")
    changed = said(KEPT)
    assert asked == ALL
    assert changed == said(REQUEST)
    assert changed != first
    (place / "data" / "2.parquet").write_bytes(before)
    asked.clear()
    assert said(KEPT) == first
    assert asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"reference": "approved"},
        {"name": "another"},
        {"columns": ("id=source",)},
        {"columns": ("feature=source",)},
    ],
)
def test_what_a_judgement_follows_from_is_in_its_name(change: dict[str, Any], asked: list[str]) -> None:
    said(KEPT)
    asked.clear()
    changed = said(replace(KEPT, **change))
    assert asked
    assert changed == said(replace(REQUEST, **change))


def test_another_version_of_the_reference_is_another_subject(place: Path, asked: list[str]) -> None:
    kept = replace(KEPT, reference="approved")
    said(kept)
    asked.clear()
    pq.write_table(table(20), place / "approved" / "0.parquet")
    changed = said(kept)
    assert asked == ALL
    assert changed == said(replace(REQUEST, reference="approved"))


def test_other_code_or_libraries_judge_again(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said(KEPT)
    asked.clear()
    monkeypatch.setattr(kept_judgements, "judging_version", lambda: "another")
    said(KEPT)
    assert asked == ALL


def test_another_policy_decides_anew_on_what_was_found(asked: list[str]) -> None:
    said(KEPT)
    asked.clear()
    strict = said(replace(KEPT, fail_on="note"))
    assert asked == []
    assert strict == said(replace(REQUEST, fail_on="note"))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "swapped"])
def test_what_the_disk_has_spoilt_is_judged_again_and_told(place: Path, damage: str, asked: list[str]) -> None:
    plain = said(KEPT)
    found = units(place)
    assert len(found) == len(ALL)
    for path, other in zip(found, [*found[1:], found[0]], strict=True):
        content = path.read_bytes()
        path.write_bytes(
            {
                "cut": content[: len(content) // 2],
                "flipped": bytes([content[100] ^ 1]).join([content[:100], content[101:]]),
                "empty": b"",
                "swapped": other.read_bytes(),
            }[damage]
        )
    asked.clear()
    with remarked(KEPT) as remarks:
        assert remarks == ("judging: done again because it was spoilt: 6 judgements of your cache",)
    assert asked == ALL
    asked.clear()
    assert said(KEPT) == plain
    assert asked == []


def test_one_that_is_gone_is_judged_again_beside_those_that_are_there(place: Path, asked: list[str]) -> None:
    plain = said(KEPT)
    for number in range(len(ALL)):
        asked.clear()
        units(place)[number].unlink()
        assert said(KEPT) == plain
        assert len(asked) == 1


def test_who_has_not_the_key_forges_nothing(place: Path, asked: list[str]) -> None:
    plain = said(KEPT)
    guessed = WorkStore(LocalObjects(str(place / "guessed")), b"guessed".ljust(32))
    for path in units(place / "home"):
        guessed.put("/".join(path.parts[path.parts.index("judged") :]), {"said": pa.table({"said": ["{}"]})})
    for path, forged in zip(units(place / "home"), units(place / "guessed"), strict=True):
        assert path.name == forged.name
        path.write_bytes(forged.read_bytes())
    asked.clear()
    assert said(KEPT) == plain
    assert asked == ALL


@pytest.mark.parametrize("after", [0, 3])
def test_a_scan_that_was_killed_leaves_what_was_whole(
    after: int, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, puts = Judgements.keep, 0

    def killed(*arguments: Any) -> None:
        nonlocal puts
        puts += 1
        if puts > after:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(Judgements, "keep", killed)
    with pytest.raises(KeyboardInterrupt):
        said(KEPT)
    monkeypatch.setattr(Judgements, "keep", real)
    asked.clear()
    plain = said(KEPT)
    assert len(asked) == len(ALL) - after
    assert plain == said(REQUEST)


def test_a_full_disk_costs_no_scan(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise UsageError("no room")

    plain = said(KEPT)
    for path in units(place):
        path.unlink()
    monkeypatch.setattr(WorkStore, "unit", full)
    assert said(KEPT) == plain
    assert units(place) == []


def test_what_failed_is_not_kept_nor_what_looked_at_it(
    place: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("once")

    with monkeypatch.context() as patch:
        patch.setattr(ExactDuplicates, "judge", broken)
        with open_scan(KEPT) as finished:
            assert Failed("PG-DUP-001", "ZeroDivisionError: once") in finished.result.outcomes
    assert len(units(place)) == len(OWN) - 1
    asked.clear()
    assert said(KEPT) == said(REQUEST)
    assert asked[: len(ONLOOKERS) + 1] == sorted([*ONLOOKERS, "PG-DUP-001"])
    assert len(units(place)) == len(ALL)


@pytest.mark.parametrize("change", [{"cache": "store"}, {"cache": "home/poisonguard/units"}, {"audit_units": 1}])
def test_a_store_that_others_reach_or_that_is_doubted_gives_no_judgement(
    place: Path, change: dict[str, Any], asked: list[str]
) -> None:
    plain = said(KEPT)
    before = units(place)
    asked.clear()
    assert said(replace(KEPT, **change)) == plain
    assert asked == ALL
    assert units(place) == before


def test_without_a_cache_or_of_a_table_in_memory_nothing_is_kept(place: Path, asked: list[str]) -> None:
    said(REQUEST)
    said(replace(KEPT, data=table(0)))
    assert units(place) == []
    assert asked == ALL * 2


def test_a_sketch_of_others_keeps_judgements_away(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = kept_judgements.kept_judgements

    def watched(run: Run, *rest: Any) -> Any:
        monkeypatch.setattr(kept_judgements, "is_covered", lambda _: False)
        seen.append(real(run, *rest))
        return seen[-1]

    monkeypatch.setattr("poisonguard.workflow.scan.kept_judgements", watched)
    said(KEPT)
    assert seen == [None]


def test_every_field_that_checks_are_given_is_in_the_name_or_changes_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept_judgements.all_known(Evidence, Context)
    monkeypatch.setattr(kept_judgements, "NAMED", kept_judgements.NAMED - {"contract"})
    assert not kept_judgements.all_known(Context)
    said(KEPT)
    assert units(place) == []
