"""A training run leaves a signed receipt of exactly what was handed out."""

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from evidence_project import poisonguard
from verified_world import BIG, CSV, PICTURE, ROWS, SMALL, Approval, TrainingProject, approved

import poisonguard as pg
from poisonguard.attest import receipt_v1
from poisonguard.attest.envelope import parse_envelope
from poisonguard.attest.evidence import Signed, Unentitled, open_signed
from poisonguard.attest.predicates_v1 import ReceiptDocument, document_of
from poisonguard.attest.receipt_v1 import Status
from poisonguard.attest.statement import parse_statement
from poisonguard.attest.trust import open_envelope, parse_root
from poisonguard.domain.dataset import CHUNK, chunk_count
from poisonguard.store.registry import Kind
from poisonguard.workflow.training import TrainingRun


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingProject, Approval]:
    return approved(tmp_path_factory.mktemp("training") / "project")


@pytest.fixture
def there(
    built: tuple[TrainingProject, Approval], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TrainingProject]:
    """A copy of the whole project, in which the test stands."""
    shutil.copytree(built[0].folder, tmp_path / "project")
    project = TrainingProject(tmp_path / "project", built[0].keys)
    monkeypatch.chdir(project.folder)
    yield project
    assert poisonguard("log", "audit") == 0


def run_of(project: TrainingProject, who: str = "tess", **options: Any) -> TrainingRun:
    return pg.training_run("reviews", key=project.key(who), **options)


def logged(project: TrainingProject) -> list[ReceiptDocument]:
    with project.workspace as workspace, workspace.registry.read() as reader:
        envelopes = [parse_envelope(item.envelope) for item in reader.statements(Kind.RECEIPT)]
        root = parse_root(open_envelope(workspace.pinned))
    found = [open_signed(envelope, root) for envelope in envelopes]
    assert all(isinstance(item, Signed) and item.people == ("tess",) for item in found)
    documents = [document_of(parse_statement(envelope.payload)) for envelope in envelopes]
    return [item for item in documents if isinstance(item, ReceiptDocument)]


def test_a_receipt_of_everything(there: TrainingProject, capsys: pytest.CaptureFixture[str]) -> None:
    with run_of(there, output="receipt.json") as run:
        for path in run.filesystem.find(""):
            run.filesystem.cat_file(path)
    assert run.receipt is not None
    document = run.receipt.document
    assert logged(there) == [document]
    assert (document.title, document.purpose, document.status) == ("reviews@1", "training", Status.COMPLETED)
    sizes = {path: (there.data / path).stat().st_size for path in run.filesystem.find("")}
    assert (document.reads.files, document.reads.size) == (len(sizes), sum(sizes.values()))
    assert document.reads.chunks == sum(map(chunk_count, sizes.values()))
    assert document.reads.complete
    evidence = run.decision.evidence
    assert document.manifest_statement == evidence.manifest_statement
    assert document.gate.policy_digest == evidence.policy_digest
    assert set(document.gate.statements) == {evidence.scans[0].statement, evidence.approvals[0].statement}
    assert parse_envelope(Path("receipt.json").read_bytes()) == run.receipt.envelope
    assert poisonguard("log", "show") == 0
    assert f"receipt      reviews {document.version[:16]}  tess" in capsys.readouterr().out


def test_the_chunks_that_were_handed_out_and_no_others(there: TrainingProject) -> None:
    size = (there.data / BIG).stat().st_size
    assert chunk_count(size) == 3
    with run_of(there) as run:
        file = run.filesystem.open(BIG)
        file.seek(CHUNK - 1)
        assert len(file.read(2)) == 2
        run.filesystem.cat_file(CSV, 0, 1)
    assert run.receipt is not None
    assert {item.path: item.chunks for item in run.receipt.files} == {BIG: ((0, 2),), CSV: ((0, 1),)}
    assert run.receipt.document.reads.size == 3
    assert not run.receipt.document.reads.complete


def test_bytes_that_were_peeked_at_are_handed_out(there: TrainingProject) -> None:
    with run_of(there) as run:
        file = run.filesystem.open(BIG)
        file.seek(2 * CHUNK)
        assert len(file.peek(5)) == 5
    assert run.receipt is not None
    assert {item.path: item.chunks for item in run.receipt.files} == {BIG: ((2, 3),)}
    assert run.receipt.document.reads.size == 5


def test_row_groups_that_were_read(there: TrainingProject) -> None:
    """Those of which a byte was handed out: the last one too, for Arrow reads 64 KiB at the end to find the footer."""
    with run_of(there) as run:
        pq.ParquetFile(run.filesystem.open(BIG), pre_buffer=False).read_row_groups([0, 2, 3], columns=["x3"])
        run.filesystem.open(PICTURE).read(5)
    assert run.receipt is not None
    groups = {item.path: item.row_groups for item in run.receipt.files}
    assert groups == {BIG: ((0, 1), (2, 4), (5, 6)), PICTURE: None}


def test_a_table_read_by_threads(there: TrainingProject) -> None:
    with run_of(there) as run:
        assert run.open_dataset().to_table(["id"]).num_rows == ROWS + 1600
    assert run.receipt is not None
    assert {item.path: item.row_groups for item in run.receipt.files}[BIG] == ((0, 6),)
    assert PICTURE not in {item.path for item in run.receipt.files}


def test_reads_of_many_threads_are_all_recorded(there: TrainingProject) -> None:
    with run_of(there) as run, ThreadPoolExecutor(8) as pool:
        file = run.filesystem.open(BIG)
        list(pool.map(lambda place: file.read_range(place, place + 1), range(0, 20_000, 2)))
        list(pool.map(lambda _: run.filesystem.cat_file(CSV), range(50)))
    assert run.receipt is not None
    assert run.receipt.document.reads.size == 10_000 + (there.data / CSV).stat().st_size


def test_slsa_resolved_dependencies(there: TrainingProject) -> None:
    with run_of(there) as run:
        run.filesystem.cat_file(CSV)
    assert run.receipt is not None
    version, receipt = json.loads(json.dumps(run.receipt.resolved_dependencies()))
    assert version["name"] == "reviews@1"
    assert f"pg1:{version['digest']['sha256']}" == run.receipt.document.version
    assert receipt["digest"] == {"sha256": run.receipt.envelope.digest}
    allowed = {"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"}
    assert version.keys() | receipt.keys() <= allowed


# ------------------------------------------------------------------------------------------------- failure


def breaks() -> None:
    raise ZeroDivisionError


def read_then_break(run: TrainingRun) -> None:
    run.filesystem.cat_file(CSV)
    breaks()


def test_a_run_that_fails_says_so(there: TrainingProject) -> None:
    with pytest.raises(ZeroDivisionError), run_of(there, output="receipt.json") as run:
        read_then_break(run)
    (document,) = logged(there)
    assert (document.status, document.reads.files) == (Status.FAILED, 1)
    assert run.receipt is not None
    assert Path("receipt.json").read_bytes() == run.receipt.envelope.to_bytes()


def test_a_run_that_is_interrupted_says_so(there: TrainingProject) -> None:
    with pytest.raises(KeyboardInterrupt), run_of(there):
        raise KeyboardInterrupt
    assert [item.status for item in logged(there)] == [Status.FAILED]


def test_a_flipped_byte_ends_the_run(there: TrainingProject) -> None:
    data = Approval(there.data, there.data, "")

    def train(run: TrainingRun) -> None:
        data.flip(BIG)
        run.open_dataset().to_table()

    with pytest.raises(pg.DataChanged, match=f"{BIG}: changed after it was hashed"), run_of(there) as run:
        train(run)
    assert [item.status for item in logged(there)] == [Status.FAILED]


def test_who_swallows_the_error_gets_no_receipt_of_success(there: TrainingProject) -> None:
    data = Approval(there.data, there.data, "")

    def train(run: TrainingRun) -> None:
        data.flip(BIG, 9)
        run.filesystem.cat_file(CSV)
        with suppress(pg.DataChanged):
            run.filesystem.cat_file(BIG)

    with pytest.raises(pg.DataChanged, match=f"{BIG}: changed, but the run went on"), run_of(there) as run:
        train(run)
    assert [(item.status, item.reads.files) for item in logged(there)] == [(Status.FAILED, 1)]


def test_a_file_that_vanished_counts_as_refused(there: TrainingProject) -> None:
    def train(run: TrainingRun) -> None:
        (there.data / CSV).unlink()
        with suppress(pg.DataChanged):
            run.filesystem.open(CSV)
        run.filesystem.cat_file(SMALL)

    with pytest.raises(pg.DataChanged, match=f"{CSV}: changed, but"), run_of(there) as run:
        train(run)


def test_a_run_that_read_nothing_gets_no_receipt(there: TrainingProject) -> None:
    run = run_of(there)
    with pytest.raises(pg.UsageError, match="nothing was read"), run:
        (there.data / CSV).read_bytes()
    assert logged(there) == []
    assert run.receipt is None


def test_a_receipt_that_cannot_be_left_does_not_hide_the_error(there: TrainingProject) -> None:
    Path("gone").write_text("a file, not a folder")
    with pytest.raises(ZeroDivisionError) as raised, run_of(there, output="gone/receipt.json"):
        breaks()
    assert "No receipt was left: gone/receipt.json" in raised.value.__notes__[0]
    assert len(logged(there)) == 1


# ----------------------------------------------------------------------------------------- before it starts


def test_what_the_gate_refuses_is_not_trained_on(there: TrainingProject) -> None:
    (there.data / "extra").touch()
    with pytest.raises(pg.IntegrityError, match="bytes-differ"), run_of(there):
        pytest.fail("the block was entered")


@pytest.mark.parametrize("who", ["pub", "mallory"])
def test_only_trainers_sign(there: TrainingProject, who: str) -> None:
    with pytest.raises(pg.UsageError, match="role trainer"), run_of(there, who):
        pytest.fail("the block was entered")


@pytest.mark.parametrize("who", ["pub", "mallory"])
def test_only_trainers_sign_where_no_workspace_knows_the_version(
    version: Approval, project: TrainingProject, who: str
) -> None:
    run = pg.training_run(version.data, key=project.key(who), output="receipt.json", **version.options)
    with pytest.raises(pg.UsageError, match="role trainer"), run:
        pytest.fail("the block was entered")
    assert not Path("receipt.json").exists()


def test_a_receipt_needs_a_place(version: Approval, project: TrainingProject) -> None:
    key = project.key("tess")
    with (
        pytest.raises(pg.UsageError, match="nowhere to put the receipt"),
        pg.training_run(version.data, key=key, **version.options),
    ):
        pytest.fail("the block was entered")
    with pg.training_run(version.data, key=key, output="receipt.json", **version.options) as run:
        run.filesystem.cat_file(CSV)
    assert run.receipt is not None
    assert Path("receipt.json").read_bytes() == run.receipt.envelope.to_bytes()


def test_a_workspace_that_may_not_append_leaves_a_file(there: TrainingProject) -> None:
    (there.folder / ".poisonguard" / "log.key").rename(there.folder / "log.key")
    with run_of(there, output="receipt.json") as run:
        run.filesystem.cat_file(CSV)
    assert Path("receipt.json").exists()
    (there.folder / "log.key").rename(there.folder / ".poisonguard" / "log.key")
    assert logged(there) == []


def test_a_workspace_that_does_not_know_the_version(
    there: TrainingProject, version: Approval, project: TrainingProject
) -> None:
    TrainingProject.start(there.folder / "other")
    os.chdir(there.folder / "other")
    with pg.training_run(version.data, key=project.key("tess"), output="receipt.json", **version.options) as run:
        run.filesystem.cat_file(CSV)
    assert Path("receipt.json").exists()


# ------------------------------------------------------------------------------------- where it is recorded


def test_nothing_is_handed_out_after_the_run(there: TrainingProject) -> None:
    with run_of(there) as run:
        file = run.filesystem.open(BIG)
        file.read(1)
    with pytest.raises(pg.UsageError, match="has ended"):
        file.read(1)
    with pytest.raises(pg.UsageError, match="has ended"):
        file.peek(1)
    with pytest.raises(pg.UsageError, match="has ended"):
        run.filesystem.cat_file(CSV)


def test_another_process_gets_nothing(there: TrainingProject) -> None:
    with run_of(there) as run:
        run.filesystem.cat_file(CSV)
        with pytest.raises(pg.UsageError, match="cannot go to another process"):
            pickle.dumps(run.filesystem)
        child = os.fork()
        if child == 0:
            try:
                run.filesystem.cat_file(BIG)
            except pg.UsageError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


# ----------------------------------------------------------------------------------------------- long lists


def test_a_long_list_is_kept_beside_the_receipt(there: TrainingProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_v1, "MOST_LISTED", 1)
    with run_of(there, output="receipt.json") as run:
        run.filesystem.cat_file(CSV)
        run.filesystem.cat_file(SMALL)
    (document,) = logged(there)
    assert document.reads.listed is None
    assert (document.reads.files, document.reads.chunks) == (2, 2)
    beside = Path("receipt.json.files.json").read_bytes()
    assert [item["path"] for item in json.loads(beside)] == [SMALL, CSV]
    with there.workspace as workspace, workspace.registry.read() as reader:
        assert reader.blob(document.reads.digest) == beside


# ------------------------------------------------------------------------------------------------- the gate


def test_receipts_change_nothing_at_the_gate(there: TrainingProject, tmp_path: Path) -> None:
    with run_of(there) as run:
        run.filesystem.cat_file(CSV)
    assert poisonguard("gate", "reviews") == 0
    assert poisonguard("bundle", "export", "reviews@1", "-o", str(tmp_path / "b")) == 0
    head = json.loads((tmp_path / "b").read_bytes().split(b"\n")[0])
    assert len(head["statements"]) == 3


def test_a_receipt_by_somebody_else_counts_for_nothing(there: TrainingProject) -> None:
    with run_of(there, output="receipt.json") as run:
        run.filesystem.cat_file(CSV)
    assert run.receipt is not None
    root = parse_root(open_envelope(there.workspace.pinned))
    from poisonguard.attest.envelope import sign

    forged = sign(run.receipt.envelope.payload, [there.keys["pub"]])
    opened = open_signed(forged, root)
    assert isinstance(opened, Unentitled)
    assert "takes 1 in role trainer" in opened.problem
