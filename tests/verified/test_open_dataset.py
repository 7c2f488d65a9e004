"""Opening a version: the gate's evidence comes first, the listing says what there is, and nothing can be written."""

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from verified_world import BIG, CSV, LINES, PICTURE, SMALL, Approval, TrainingProject

import poisonguard as pg
from poisonguard.dataset.chunktree import BLAKE3_TREE
from poisonguard.dataset.storage import LocalStorage
from poisonguard.dataset.verified_files import VerifiedFiles
from poisonguard.domain.dataset import FileEntry
from poisonguard.workflow.gate_state import load_state
from poisonguard.workflow.protocol import PoisonguardFileSystem
from poisonguard.workflow.verification import summary_of

ALL = [PICTURE, LINES, SMALL, BIG, CSV]


def codes(error: pg.GateFailed) -> set[str]:
    decision: Any = error.decision
    return {reason.code for reason in decision.decision.reasons if reason.exit_code}


def test_the_workspace_is_the_default(project: TrainingProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    dataset = pg.open_dataset("reviews")
    assert dataset.decision.passed
    assert sorted(dataset.files) == sorted(ALL)
    assert dataset.open(CSV, "r").readline() == "id,x0,label\n"


def test_opening_claims_nothing_about_bytes_and_remembers_no_version(
    project: TrainingProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    path = project.folder / ".poisonguard" / "state.json"
    path.unlink(missing_ok=True)
    decision: Any = pg.open_dataset("reviews").decision
    assert decision.to_json()["bytesCompared"] is False
    assert decision.decision.reasons[0].message == "reviews@1 is approved; its bytes are checked as they are read"
    with pytest.raises(pg.UsageError, match="bytes of reviews@1 were not compared"):
        summary_of(decision)
    state = load_state(path)
    assert (state.numbers, state.trust_version, state.latest) == (
        {},
        1,
        decision.evidence.checked.replace(microsecond=0),
    )


def test_a_bundle_and_a_pin(version: Approval) -> None:
    dataset = pg.open_dataset(version.data, **version.options, dataset="reviews")
    assert (dataset.decision.evidence.dataset, dataset.decision.evidence.number) == ("reviews", 1)


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "another pin": ({"trust": "sha256:" + "0" * 64}, "trust-untrusted"),
    "no pin": ({"trust": None}, "trust-not-pinned"),
    "another dataset": ({"dataset": "imdb"}, "dataset-differs"),
    "an older version": ({"min_version": 2}, "version-rolled-back"),
    "another purpose": ({"purpose": "benchmark"}, "approval-other-purpose"),
    "BLAKE3 where FIPS is asked for": ({"fips": True}, "not-fips"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_gate_refuses_is_not_opened(version: Approval, case: str) -> None:
    options, code = REFUSALS[case]
    for opening in (pg.open_dataset, pg.filesystem):
        with pytest.raises(pg.GateFailed, match=code) as raised:
            opening(version.data, **(version.options | options))
        assert codes(raised.value) >= {code}


def _extra(data: Path) -> None:
    (data / "extra.csv").write_text("x\n1\n")


def _hidden(data: Path) -> None:
    (data / ".hidden").touch()


def _missing(data: Path) -> None:
    (data / SMALL).unlink()


def _longer(data: Path) -> None:
    with (data / CSV).open("a") as file:
        file.write("9,9,no\n")


def _link(data: Path) -> None:
    (data / CSV).rename(data.parent / "elsewhere")
    (data / CSV).symlink_to(data.parent / "elsewhere")


@pytest.mark.parametrize("change", [_extra, _hidden, _missing, _longer, _link])
def test_other_files_than_the_listings_are_refused_at_once(version: Approval, change: Callable[[Path], None]) -> None:
    change(version.data)
    with pytest.raises(pg.IntegrityError, match="bytes-differ") as raised:
        pg.open_dataset(version.data, **version.options)
    assert codes(raised.value) == {"bytes-differ"}


def test_bytes_are_not_read_before_they_are_asked_for(version: Approval) -> None:
    version.flip(BIG, 5_000_000)
    dataset = pg.open_dataset(version.data, **version.options)
    assert dataset.open(CSV).read() == (version.data / CSV).read_bytes()
    assert dataset.open(BIG).read(4) == b"PAR1"
    with pytest.raises(
        pg.DataChanged, match=r"part-0\.parquet: changed after it was hashed \(the 4194304 bytes from byte 4194304\)"
    ):
        dataset.open(BIG).read()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(pg.NothingToScan):
        pg.open_dataset(tmp_path / "none")


def test_a_file_that_goes_after_opening(version: Approval) -> None:
    files = pg.filesystem(version.data, **version.options)
    (version.data / CSV).unlink()
    assert files.exists(CSV)
    with pytest.raises(pg.DataChanged, match=r"table\.csv: vanished"):
        files.open(CSV)
    (version.data / LINES).write_text("short")
    with pytest.raises(pg.DataChanged, match=r"lines\.jsonl: changed: 5 bytes"):
        files.open(LINES)


def test_leaves_that_do_not_lead_to_the_root(tmp_path: Path) -> None:
    class Lying:
        entry = FileEntry("a", 5 << 20, "0" * 64, "0" * 64, "text/plain", 0, ())

        def __iter__(self) -> Any:
            yield self.entry

        def at(self, index: int) -> tuple[FileEntry, bytes]:
            return self.entry, bytes(64)

    files = VerifiedFiles(LocalStorage(str(tmp_path)), Lying(), BLAKE3_TREE)
    with pytest.raises(pg.IntegrityError, match="other chunk leaves"):
        files.open("a")


# ------------------------------------------------------------------------------------------- the file system


@pytest.fixture
def files(version: Approval) -> PoisonguardFileSystem:
    return pg.filesystem(version.data, **version.options)


def test_listing_comes_from_the_listing(files: PoisonguardFileSystem, version: Approval) -> None:
    shutil.rmtree(version.data)
    assert files.ls("", detail=False) == ["images", "lines.jsonl", "more", "part-0.parquet", "table.csv"]
    assert files.ls("more") == [files.info(SMALL)]
    assert files.ls(CSV, detail=False) == [CSV]
    assert files.find("") == sorted(ALL)
    assert files.glob("**/*.parquet") == [SMALL, BIG]
    assert files.glob("poisonguard://*.csv") == [CSV]
    assert (files.isdir("more"), files.isfile(SMALL), files.exists("mor"), files.exists("more/")) == (
        True,
        True,
        False,
        True,
    )
    assert files.info("poisonguard://more") == {"name": "more", "size": 0, "type": "directory"}
    assert files.size(PICTURE) == 70_000
    assert files.du("") == sum(files.size(path) for path in ALL)
    assert [path for path, _, _ in files.walk("")] == ["", "images", "more"]
    for missing in ("none", "more/none", "../data/table.csv", "more/../table.csv", "TABLE.csv"):
        assert not files.exists(missing)
        for ask in (files.info, files.ls, files.open):
            with pytest.raises(FileNotFoundError):
                ask(missing)


def test_content_has_a_name(files: PoisonguardFileSystem) -> None:
    facts = files.info(CSV)
    assert facts["ETag"] == files.ukey(CSV)
    assert files.checksum(CSV) == int(facts["ETag"], 16)
    assert len({files.ukey(path) for path in ALL}) == len(ALL)


def test_parts_of_files(files: PoisonguardFileSystem, version: Approval) -> None:
    content = (version.data / CSV).read_bytes()
    assert files.cat_file(CSV) == files.cat(CSV) == content
    assert files.cat_file(CSV, 3, 9) == content[3:9]
    assert files.cat_file(CSV, -5) == files.tail(CSV, 5) == content[-5:]
    assert files.head(CSV, 4) == content[:4]
    assert files.read_block(CSV, 2, 4) == content[2:6]
    assert files.cat([CSV, LINES]) == {CSV: content, LINES: (version.data / LINES).read_bytes()}


def test_copies_are_checked(files: PoisonguardFileSystem, version: Approval, tmp_path: Path) -> None:
    files.get("more", str(tmp_path / "copy"), recursive=True)
    assert (tmp_path / "copy" / "part-1.parquet").read_bytes() == (version.data / SMALL).read_bytes()
    version.flip(PICTURE)
    with pytest.raises(pg.DataChanged, match=r"images/dot\.bin"):
        files.get_file(PICTURE, str(tmp_path / "dot"))


WRITES: dict[str, Callable[[PoisonguardFileSystem], Any]] = {
    "open wb": lambda files: files.open("new", "wb"),
    "open a": lambda files: files.open(CSV, "a"),
    "open r+b": lambda files: files.open(CSV, "r+b"),
    "open x": lambda files: files.open("new", "x"),
    "mkdir": lambda files: files.mkdir("new"),
    "makedirs": lambda files: files.makedirs("new/newer", exist_ok=True),
    "rm": lambda files: files.rm(CSV),
    "rm recursively": lambda files: files.rm("more", recursive=True),
    "rmdir": lambda files: files.rmdir("more"),
    "mv": lambda files: files.mv(CSV, "new"),
    "copy": lambda files: files.copy(CSV, "new"),
    "pipe": lambda files: files.pipe("new", b"x"),
    "put": lambda files: files.put_file(__file__, "new"),
    "touch": lambda files: files.touch(CSV),
    "write_text": lambda files: files.write_text(CSV, "x"),
    "upload": lambda files: files.upload(__file__, "new"),
    "delete": lambda files: files.delete(CSV),
}


@pytest.mark.parametrize("name", WRITES)
def test_nothing_can_be_written(files: PoisonguardFileSystem, version: Approval, name: str) -> None:
    before = {path: path.read_bytes() for path in version.data.rglob("*") if path.is_file()}
    with pytest.raises(PermissionError, match="an approved version can only be read"):
        WRITES[name](files)
    assert {path: path.read_bytes() for path in version.data.rglob("*") if path.is_file()} == before


def test_every_file_system_asks_the_gate_anew(version: Approval) -> None:
    fsspec.register_implementation("poisonguard", PoisonguardFileSystem, clobber=True)
    first = fsspec.filesystem("poisonguard", **version.storage)
    assert fsspec.filesystem("poisonguard", **version.storage) is not first
    (version.data / "extra").touch()
    with pytest.raises(pg.IntegrityError, match="extra"):
        fsspec.filesystem("poisonguard", **version.storage)


def test_it_goes_to_another_process_by_asking_the_gate_there(files: PoisonguardFileSystem, version: Approval) -> None:
    carried = pickle.dumps(files)
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer).cat_file('table.csv')[:2])"
    done = subprocess.run([sys.executable, "-c", program], input=carried, capture_output=True, check=True)
    assert done.stdout == b"b'id'\n"
    (version.data / "extra").touch()
    with pytest.raises(pg.IntegrityError, match="extra"):
        pickle.loads(carried)  # noqa: S301 - our own


def test_options_by_name(version: Approval) -> None:
    for opening in (pg.open_dataset, pg.filesystem):
        with pytest.raises(pg.UsageError, match="no option 'bundel'"):
            opening(version.data, bundel="x")  # type: ignore[call-arg]  # a misspelled option is what is tested
    with pytest.raises(pg.UsageError, match="lacks the option 'data'"):
        PoisonguardFileSystem(**version.options)


def test_the_entry_point_names_the_class() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["fsspec.specs"]["poisonguard"].partition(":")
    assert (module, name) == (PoisonguardFileSystem.__module__, PoisonguardFileSystem.__name__)


# --------------------------------------------------------------------------------------------------- tables


def test_what_is_no_table_is_left_to_open(version: Approval) -> None:
    dataset = pg.open_dataset(version.data, **version.options)
    assert PICTURE in dataset.files
    assert all(PICTURE not in getattr(part, "files", ()) for part in dataset.dataset().children)


def published(folder: Path, **texts: str) -> Approval:
    """An approved version of these files alone."""
    project = TrainingProject.start(folder)
    for path in project.data.iterdir():
        path.unlink()
    for name, text in texts.items():
        (project.data / name.replace("__", ".")).write_text(text)
    project.publish()
    project.approve("ann")
    return Approval(project.data, folder, "")


def test_other_delimiters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = published(tmp_path, a__tsv="id\tlabel\n1\tyes\n2\tno\n", b__csv="id,label\n3,yes\n")
    monkeypatch.chdir(tmp_path)
    frame = pg.open_dataset(there.data).to_pandas()
    assert frame.to_dict("records") == [
        {"id": 1, "label": "yes"},
        {"id": 2, "label": "no"},
        {"id": 3, "label": "yes"},
    ]


def test_a_table_that_arrow_does_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = published(tmp_path, a__json=json.dumps([{"id": 1}, {"id": 2}]))
    monkeypatch.chdir(tmp_path)
    dataset = pg.open_dataset(there.data)
    with pytest.raises(pg.UsageError, match=r"a\.json: a JSON document"):
        dataset.to_table()
    assert json.load(dataset.open("a.json")) == [{"id": 1}, {"id": 2}]


def test_one_file_and_objects_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = published(tmp_path, a__csv="id,label\n1,yes\n2,no\n")
    monkeypatch.chdir(tmp_path)
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.put(str(there.data), "/reviews", recursive=True)
    dataset = pg.open_dataset("memory://reviews", dataset="reviews")
    assert dataset.to_table().num_rows == 2
    memory.pipe_file("/reviews/a.csv", b"id,label\n1,yes\n2,xx\n")
    with pytest.raises(pg.DataChanged, match=r"a\.csv: changed after it was hashed"):
        dataset.to_table()
    assert pg.open_dataset(there.data / "a.csv", dataset="reviews").files == ("a.csv",)


def test_start_up_is_light() -> None:
    program = "import sys, poisonguard.workflow.gating; print([n for n in ('fsspec', 'pyarrow') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
