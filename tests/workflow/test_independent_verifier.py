"""poisonguard and a verifier that shares no code with it agree: on what is honest, and on what is not."""

from __future__ import annotations

import base64
import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import independent_verifier as other
import pytest
from cryptography.exceptions import InvalidSignature
from evidence_project import FLIPPED, Project
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.times import format_time
from poisonguard.attest.trust import pin_of
from poisonguard.domain import merkle
from poisonguard.errors import GateFailed, PoisonguardError
from poisonguard.store.bundle import dump, load
from poisonguard.workflow.bundles import export
from poisonguard.workflow.context import resolve_version
from poisonguard.workflow.gate_request import GateRequest
from poisonguard.workflow.gating import run_gate
from poisonguard.workflow.growth import growth
from poisonguard.workflow.log_audit import audit, newest_checkpoint
from poisonguard.workflow.workspace import trust_chain

REFUSALS = (ValueError, KeyError, TypeError, IndexError, AttributeError, InvalidSignature, RecursionError)
"""How the other one refuses: it does not explain itself."""
TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Case:
    """A bundle, what it should be of, and what is trusted."""

    project: Project
    bundle: bytes
    pin: str

    def ours(self, bundle: bytes | None = None, *, now: datetime | None = None) -> bool:
        """Whether the gate passes."""
        away = self.project.folder.parent / "away"
        away.mkdir(exist_ok=True)
        (away / "bundle.json").write_bytes(self.bundle if bundle is None else bundle)
        request = GateRequest(
            data=str(self.project.data), bundle=away / "bundle.json", trust=f"sha256:{self.pin}", start=away
        )
        try:
            return run_gate(request, now or datetime.now(UTC)).decision.passed
        except (GateFailed, PoisonguardError):
            return False

    def theirs(self, bundle: bytes | None = None, *, now: datetime | None = None) -> bool:
        """Whether the other verifier accepts."""
        data = self.bundle if bundle is None else bundle
        try:
            return bool(other.verify_bundle(data, self.pin, format_time(now or datetime.now(UTC)), self.project.data))
        except REFUSALS:
            return False


def exported(project: Project) -> bytes:
    with project.workspace as workspace, workspace.registry.read() as reader:
        return dump(export(reader, trust_chain(reader, workspace.pinned), resolve_version(reader, "reviews")))


def case(folder: Path, *, stewards: tuple[str, ...] = ("ann",), **options: object) -> Case:
    project = Project.start(folder / "project")
    pin = pin_of(project.workspace.pinned)
    project.publish(**options)  # type: ignore[arg-type] # handed through
    project.approve(*stewards)
    return Case(project, exported(project), pin)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case(tmp_path_factory.mktemp("honest"))


def test_it_is_short_and_shares_nothing() -> None:
    text = (TESTS / "independent_verifier.py").read_text()
    assert text.count("\n") <= 200
    assert "import poisonguard" not in text
    assert "from poisonguard" not in text


def test_both_accept_what_is_honest(honest: Case) -> None:
    assert honest.ours()
    assert honest.theirs()
    now = format_time(datetime.now(UTC))
    assert other.verify_bundle(honest.bundle, honest.pin, now, honest.project.data) == "reviews@1"


def test_both_accept_after_the_trust_root_has_moved_on(tmp_path: Path) -> None:
    made = case(tmp_path)
    _next_root(made.project)
    moved = Case(made.project, exported(made.project), made.pin)
    assert moved.ours()
    assert moved.theirs()


def _next_root(project: Project) -> None:
    from evidence_project import START

    from poisonguard.workflow import trust_root

    with project.workspace as workspace:
        _, data = trust_root.next_root(workspace, project.request(), [project.keys["olga"]], START)
        trust_root.update(workspace, data)


@pytest.mark.parametrize("days", [-3, 40, 400])
def test_both_refuse_before_and_after_its_time(honest: Case, days: int) -> None:
    now = datetime.now(UTC) + timedelta(days=days)
    assert not honest.ours(now=now)
    assert not honest.theirs(now=now)


def test_both_refuse_what_too_few_approved(tmp_path: Path) -> None:
    unapproved = case(tmp_path, stewards=())
    assert not unapproved.ours()
    assert not unapproved.theirs()


def test_both_refuse_a_steward_who_published(tmp_path: Path) -> None:
    made = case(tmp_path, scanner="pub", stewards=())
    made.project.approve("ann")
    with_ann = Case(made.project, exported(made.project), made.pin)
    assert with_ann.ours()
    assert with_ann.theirs()


@pytest.mark.parametrize("pin", ["0" * 64, "f" * 64])
def test_both_refuse_another_pin(honest: Case, pin: str) -> None:
    foreign = Case(honest.project, honest.bundle, pin)
    assert not foreign.ours()
    assert not foreign.theirs()


def test_both_refuse_another_project(honest: Case, tmp_path: Path) -> None:
    stranger = case(tmp_path)
    assert not honest.ours(stranger.bundle)
    assert not honest.theirs(stranger.bundle)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte is changed": lambda data: (data / "a.csv").write_text("id,label\n1,pos\n2,pos\n"),
    "a file is added": lambda data: (data / "c.csv").write_text("id,label\n"),
    "an empty file is added": lambda data: (data / "empty").touch(),
    "a hidden file is added": lambda data: (data / ".hidden").write_text("x"),
    "a file is gone": lambda data: (data / "b.csv").unlink(),
    "a file has another name": lambda data: (data / "b.csv").rename(data / "B.csv"),
    "a file is longer": lambda data: (data / "b.csv").write_text("id,label\n3,pos\n4,pos\n"),
    "a folder is linked in": lambda data: (data / "more").symlink_to(data.parent),
    "two files are exchanged": lambda data: (
        (data / "a.csv").rename(data / "x"),
        (data / "b.csv").rename(data / "a.csv"),
        (data / "x").rename(data / "b.csv"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_both_refuse_other_files(tmp_path: Path, change: Callable[[Path], object]) -> None:
    made = case(tmp_path)
    change(made.project.data)
    assert not made.ours()
    assert not made.theirs()


def test_both_refuse_every_member_that_is_missing_or_from_elsewhere(honest: Case, tmp_path: Path) -> None:
    stranger = json.loads(case(tmp_path).bundle.partition(b"\n")[0])
    line, _, tail = honest.bundle.partition(b"\n")
    head = json.loads(line)
    altered = [{name: value for name, value in head.items() if name != gone} for gone in head]
    altered += [head | {name: stranger[name]} for name in ("trustRoots", "checkpoint", "statements")]
    altered += [head | {"statements": head["statements"][:number]} for number in range(3)]
    altered += [head | {"statements": [head["statements"][number], *head["statements"]]} for number in range(3)]
    altered += [head | {"statements": head["statements"][::-1]}]
    for statement in range(3):
        for name, value in (("index", 7), ("proof", []), ("envelope", stranger["statements"][statement]["envelope"])):
            statements = [dict(item) for item in head["statements"]]
            statements[statement][name] = value
            altered.append(head | {"statements": statements})
    for changed in altered:
        bundle = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" + tail
        assert not honest.ours(bundle), changed.keys()
        assert not honest.theirs(bundle), changed.keys()


def test_both_refuse_a_listing_that_was_altered(honest: Case) -> None:
    line, _, tail = honest.bundle.partition(b"\n")
    for place in range(len(tail)):
        bundle = line + b"\n" + tail[:place] + bytes([tail[place] ^ 1]) + tail[place + 1 :]
        assert not honest.theirs(bundle)
    for bundle in (line, line + b"\n", line + b"\n" + tail[:-1], line + b"\n" + tail + b"x", honest.bundle * 2):
        assert not honest.ours(bundle)
        assert not honest.theirs(bundle)


@settings(max_examples=150)
@given(st.data())
def test_both_refuse_every_flipped_bit(honest: Case, data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(honest.bundle) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(honest.bundle)
    flipped[place] ^= 1 << bit
    assert not honest.ours(bytes(flipped))
    assert not honest.theirs(bytes(flipped))


def test_both_read_the_same_statements(honest: Case) -> None:
    ours = [item.envelope.payload for item in load(honest.bundle).statements]
    head = json.loads(honest.bundle.partition(b"\n")[0])
    assert ours == [base64.b64decode(item["envelope"]["payload"]) for item in head["statements"]]


# The log


@dataclass(frozen=True)
class Dumped:
    """A registry's log as anybody with a database client can dump it."""

    statements: list[bytes]
    notes: list[str]

    def accepted(self, pin: str) -> bool:
        try:
            return bool(other.verify_log(self.statements, self.notes, pin))
        except REFUSALS:
            return False


def dumped(project: Project) -> Dumped:
    connection = sqlite3.connect(project.folder / ".poisonguard" / "registry.db")
    statements = [row[0] for row in connection.execute("SELECT envelope FROM statement ORDER BY position")]
    notes = [row[0] for row in connection.execute("SELECT note FROM checkpoint ORDER BY size")]
    connection.close()
    return Dumped(statements, notes)


def audited(project: Project) -> bool:
    try:
        with project.workspace as workspace:
            return audit(workspace).statements > 0
    except PoisonguardError:
        return False


def test_both_accept_the_log_and_compute_the_same_root(honest: Case) -> None:
    log = dumped(honest.project)
    with honest.project.workspace as workspace:
        report = audit(workspace)
    found = other.verify_log(log.statements, log.notes, honest.pin)
    assert found == (report.origin, report.statements, bytes.fromhex(report.root))


def test_both_refuse_a_log_in_which_anything_was_altered(tmp_path: Path) -> None:
    made = case(tmp_path, findings=(FLIPPED,), stewards=())
    made.project.publish(minutes=3)
    log, rng = dumped(made.project), random.Random(2)  # noqa: S311 # no secret
    assert log.accepted(made.pin)
    database = made.project.folder / ".poisonguard" / "registry.db"
    content = database.read_bytes()
    for position, envelope in enumerate(log.statements):
        for place in rng.sample(range(len(envelope)), 12):
            altered = envelope[:place] + bytes([envelope[place] ^ 1]) + envelope[place + 1 :]
            assert not Dumped(
                [*log.statements[:position], altered, *log.statements[position + 1 :]], log.notes
            ).accepted(made.pin)
            connection = sqlite3.connect(database)
            connection.execute("UPDATE statement SET envelope = ? WHERE position = ?", (altered, position))
            connection.commit()
            connection.close()
            assert not audited(made.project)
            database.write_bytes(content)
        assert not Dumped([*log.statements[:position], *log.statements[position + 1 :]], log.notes).accepted(made.pin)
    assert not Dumped(log.statements[:-1], log.notes).accepted(made.pin)
    assert not Dumped(log.statements, log.notes[:-1]).accepted(made.pin)
    assert not Dumped(log.statements[::-1], log.notes).accepted(made.pin)
    assert not log.accepted("0" * 64)
    assert audited(made.project)


def test_a_proof_of_growth_holds_for_both(tmp_path: Path) -> None:
    project = Project.start(tmp_path / "project")
    pin = pin_of(project.workspace.pinned)
    notes = []
    for minutes in (1, 3, 5):
        with project.workspace as workspace:
            notes.append(newest_checkpoint(workspace))
        project.publish(minutes=minutes)
    log = dumped(project)
    assert Dumped(log.statements, [*log.notes, *notes]).accepted(pin)
    root = other.trusted_root(log.statements[:1], pin)
    for note in notes:
        with project.workspace as workspace:
            first, *hashes = (proof := growth(workspace, note.encode())).partition("\n\n")[0].split("\n")
        _, old, old_root = other.checkpoint(note, root)
        _, new, new_root = other.checkpoint(proof.partition("\n\n")[2], root)
        assert first == f"old {old}"
        path = [base64.b64decode(line) for line in hashes]
        assert merkle.verify_consistency(old, new, path, old_root, new_root)
        assert other.merkle_root([other.sha256(b"\x00", data) for data in log.statements]) == new_root
