"""Holes that peers had, or have: each is a named test, and its first line says who."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evidence_fixtures import Captured, codes, gate
from evidence_gate import Gate
from evidence_gate import codes as codes_of
from evidence_project import START, Project, poisonguard
from evidence_world import World, inventory, inventory_of_folder
from simulator import DAY, NOW, key, person, trust_root

from poisonguard.attest.envelope import sign
from poisonguard.attest.listing import HeldShards
from poisonguard.attest.predicates_v1 import statement_of
from poisonguard.attest.trust import Grant, RoleName
from poisonguard.cli.main import run
from poisonguard.errors import ConfigurationError
from poisonguard.policy.builtin import default_policy

# Old evidence


def test_rollback_to_an_approved_older_version(approved: Project, capsys: Captured) -> None:
    """No peer: model_signing, Sigstore and in-toto verify an old release for ever."""
    old = (approved.data / "a.csv").read_text()
    assert gate("reviews") == 0
    approved.write("a.csv", "id,label\n1,pos\n2,pos\n4,pos\n")
    approved.publish(minutes=3)
    approved.approve("ann", minutes=4)
    assert gate("reviews") == 0
    approved.write("a.csv", old)
    assert codes(capsys) == ["version-rolled-back"]
    (approved.folder / ".poisonguard" / "state.json").unlink()  # a machine that never saw version 2
    assert codes(capsys, "reviews", "--min-version", "2") == ["version-rolled-back"]


def test_freeze_with_evidence_that_nobody_renews(folder: Path, world: World) -> None:
    """No peer: whoever keeps news away keeps old evidence good; here approvals, scans and trust roots expire."""
    assert Gate(folder)(world).passed
    late = codes_of(Gate(folder)(world, now=NOW + 400 * DAY))
    assert late >= {"trust-expired", "scan-missing", "approvals-missing"}


def test_freeze_with_a_list_of_revocations_that_has_ended(folder: Path) -> None:
    """Certificate revocation lists that fail open: without a fresh list nobody knows what was revoked."""
    roles = dict(trust_root().roles) | {RoleName.REVOKER: Grant(("rev",), 1)}
    root = trust_root(people=(*trust_root().people, person("rev")), roles=roles)
    world = World(content=inventory_of_folder(folder), root=root).behave()
    assert codes_of(Gate(folder)(world)) == {"revocations-missing"}
    from documents import revocations

    world.say(replace(revocations(), versions=(), keys=(), approvals=(), created=NOW - 3 * DAY, expires=NOW), "rev")
    assert codes_of(Gate(folder)(world)) == {"revocations-expired"}


def test_a_version_is_taken_back_after_its_approval(folder: Path) -> None:
    """No peer in data signing: what was signed once verifies for ever."""
    from documents import revocations

    from poisonguard.attest.revocations_v1 import RevokedVersion

    roles = dict(trust_root().roles) | {RoleName.REVOKER: Grant(("rev",), 1)}
    root = trust_root(people=(*trust_root().people, person("rev")), roles=roles)
    world = World(content=inventory_of_folder(folder), root=root).behave()
    bad = RevokedVersion("reviews", 3, world.version, "poisoned", NOW - DAY)
    world.say(replace(revocations(), versions=(bad,), keys=(), approvals=()), "rev")
    assert codes_of(Gate(folder)(world)) == {"version-revoked"}


# Nothing at all


@pytest.mark.parametrize("command", ["scan", "sign"])
def test_an_empty_dataset_is_never_signed(project: Project, capsys: Captured, command: str) -> None:
    """model_signing signs an empty folder, and everything that is deleted later still verifies."""
    empty = project.folder / "nothing"
    (empty / "folder").mkdir(parents=True)
    key_option = ("--key",) if command == "sign" else ("--sign",)
    assert poisonguard(command, "nothing", *key_option, project.key("pub")) == 3
    assert "no files" in capsys.readouterr().err
    assert poisonguard("versions") == 0
    assert "nothing" not in capsys.readouterr().out


def test_an_empty_manifest_that_a_publisher_signed_is_refused(folder: Path) -> None:
    """model_signing: see above; here not even the publisher can."""
    nothing = replace(inventory().manifest, file_count=0, size=0, rows=0)
    world = World(content=replace(inventory(), manifest=nothing)).behave()
    (folder / "train.csv").unlink()
    decision = Gate(folder)(world)
    assert codes_of(decision) >= {"statement-altered", "manifest-missing"}


# Who counts, and how often


def test_one_person_with_two_keys_is_one_approver(folder: Path) -> None:
    """securesystemslib, python-tuf: thresholds count key ids; two keys of one person were two."""
    people = (*(item for item in trust_root().people if item.name != "ann"), person("ann", "ann-2"))
    roles = dict(trust_root().roles) | {RoleName.STEWARD: Grant(("ann", "bob"), 2)}
    world = World(content=inventory_of_folder(folder), root=trust_root(people=people, roles=roles))
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, "ann", "ann-2")
    world.approve(published, scanned, "ann")
    world.approve(published, scanned, "ann-2")
    assert "approvals-missing" in codes_of(Gate(folder)(world))
    world.approve(published, scanned, "bob")
    assert Gate(folder)(world).passed


def test_one_approval_that_is_logged_twice_counts_once(folder: Path) -> None:
    """sigstore-go: a threshold of log entries was met by one entry given twice."""
    roles = dict(trust_root().roles) | {RoleName.STEWARD: Grant(("ann", "bob"), 2)}
    world = World(content=inventory_of_folder(folder), root=trust_root(roles=roles)).behave()
    for _ in range(3):
        world.log.append(world.log[-1])
    assert "approvals-missing" in codes_of(Gate(folder)(world))


@pytest.mark.parametrize("threshold", [0, -1])
@pytest.mark.parametrize("role", list(RoleName))
def test_no_threshold_can_be_switched_off(role: RoleName, threshold: int) -> None:
    """go-tuf, in-toto: a threshold of 0 made every signature check pass."""
    with pytest.raises(ConfigurationError, match="threshold"):
        trust_root(roles=dict(trust_root().roles) | {role: Grant(("olga",), threshold)})


@pytest.mark.parametrize("author", ["pub", "ci"])
def test_nobody_approves_their_own_work(folder: Path, author: str) -> None:
    """No peer separates duties: who publishes signs off as well."""
    roles = dict(trust_root().roles) | {RoleName.STEWARD: Grant(("ann", "pub", "ci"), 1)}
    world = World(content=inventory_of_folder(folder), root=trust_root(roles=roles))
    published, scanned = world.publish(), world.scan()
    world.approve(published, scanned, author)
    assert codes_of(Gate(folder)(world)) >= {"approvals-missing", "approval-by-author"}


def test_every_signature_is_looked_at_not_only_the_first(folder: Path, world: World) -> None:
    """model_signing: of several signatures in one bundle only the first was checked."""
    last = world.log[2]
    forged = sign(last.payload, [key("mallory")]).signatures[0]
    claimed = replace(forged, keyid=key("bob").public.keyid)
    both = tuple(sorted((*last.signatures, claimed), key=lambda item: item.keyid))
    world.log[2] = replace(last, signatures=both)
    assert codes_of(Gate(folder)(world)) >= {"statement-altered"}


# Signed is one thing, used another


PATHS = (
    "../secret", "../../etc/passwd", "a/../../secret", "a/..", "/etc/passwd", "//etc/passwd", "./train.csv", "a//b",
    "a/", "", ".", "..", "a/./b", "a\nb", "a\u0000b", "\u001b[2J", "a\u2028b",
)  # fmt: skip


class Careless(World):
    """Signs and carries a listing that nobody looked at."""

    @property
    def shards(self) -> HeldShards:
        return HeldShards((self.content.files._shards.load(0),))


@pytest.mark.parametrize("path", PATHS)
def test_no_signed_path_leads_out_of_the_data(folder: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """model_signing (open): ``../`` in a signed manifest read files outside of the root."""
    opened: list[str] = []
    opening = os.open

    def noted(name: Any, *rest: Any, **more: Any) -> int:
        opened.append(str(name))
        return opening(name, *rest, **more)

    monkeypatch.setattr(os, "open", noted)
    (folder.parent / "secret").write_text("a,b\n1,2\n")
    world = Careless(content=inventory(path=path)).behave()
    decision = Gate(folder)(world)
    assert "listing-altered" in codes_of(decision)
    assert not [name for name in opened if "secret" in name or "passwd" in name]


def test_what_is_compared_is_what_was_signed(folder: Path, world: World) -> None:
    """sigstore-a2a: the payload was verified and thrown away, and an unverified copy beside it was used."""
    (folder / "train.csv").write_text("a,b\n6,6\n")
    poisoned = inventory_of_folder(folder)
    assert poisoned.version != world.version
    bundle = replace(world.bundle(), shards=HeldShards(tuple(poisoned.files.shards())))
    assert codes_of(Gate(folder)(world, bundle)) == {"listing-altered"}


@pytest.mark.parametrize("column", ["dataset", "version", "number", "kind", "payload_digest"])
def test_no_column_beside_a_statement_is_believed(approved: Project, capsys: Captured, column: str) -> None:
    """sigstore-a2a, again: here the columns by which the registry finds statements."""
    import sqlite3

    connection = sqlite3.connect(approved.folder / ".poisonguard" / "registry.db")
    values = {"dataset": "'prices'", "version": "'pg1:00'", "number": "7", "kind": "'scan'", "payload_digest": "'00'"}
    with connection:
        connection.execute(f"UPDATE statement SET {column} = {values[column]} WHERE kind = 'manifest'")  # noqa: S608 - a test
    connection.close()
    assert gate("reviews") in {5, 6}
    assert "bug" not in capsys.readouterr().err


# Nothing in the data runs


class _Payload:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("owned",)


BOMB = pickle.dumps(_Payload())


def _extension_type() -> bytes:
    """Parquet whose Arrow schema names an extension type that is a pickle (CVE-2023-47248)."""
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": BOMB}
    field = pa.field("a", pa.int64(), metadata=metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1, 2]}, schema=pa.schema([field])), sink)
    return bytes(sink.getvalue())


def _object_array() -> bytes:
    return (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117)
        + b"\n"
        + BOMB
    )


def _pandas_metadata() -> bytes:
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({b"pandas": b'{"columns": [{"pandas_type": "object"}]}'})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


EXECUTABLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a pickle": ("a.pkl", lambda: BOMB),
    "a pickle called csv": ("a.csv", lambda: BOMB),
    "a pickle called parquet": ("a.parquet", lambda: BOMB),
    "a pickle called json lines": ("a.jsonl", lambda: BOMB),
    "a pickle called feather": ("a.feather", lambda: BOMB),
    "a pickle called joblib": ("a.joblib", lambda: BOMB),
    "a pickle without an ending": ("data", lambda: BOMB),
    "a pickle of the first protocol": ("a.bin", lambda: pickle.dumps(_Payload(), protocol=0)),
    "a pickle behind a table": ("a.csv", lambda: b"a,b\n1,2\n" + BOMB),
    "an array of objects": ("a.npy", _object_array),
    "a torch archive": ("a.pt", lambda: b"PK\x03\x04" + BOMB),
    "an extension type of Arrow": ("a.parquet", _extension_type),
    "metadata of pandas": ("a.parquet", _pandas_metadata),
    "a loading script": ("reviews.py", lambda: b"import os\nos.mkdir('owned')\n"),
    "a configuration of Python": ("sitecustomize.py", lambda: b"import os\nos.mkdir('owned')\n"),
    "YAML with an object": ("dataset.yaml", lambda: b"!!python/object/apply:os.mkdir ['owned']\n"),
    "a formula": ("a.csv", lambda: b"a,b\n=cmd|'/c mkdir owned'!A1,2\n3,4\n"),
    "a template": ("a.csv", lambda: b"a,b\n{{ ''.__class__ }},{% raise %}\n3,4\n"),
}


@pytest.mark.parametrize("name", EXECUTABLE)
def test_nothing_in_the_data_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, name: str
) -> None:
    """Modelscan said "no issues" on 8 of 12 payloads; fickling and picklescan grade pickles. Here none is opened."""
    file, make = EXECUTABLE[name]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / file).write_bytes(make())
    (tmp_path / "data" / "good.csv").write_text("a,b\n1,2\n3,4\n")
    monkeypatch.chdir(tmp_path)
    code = run(["scan", "data", "--no-progress", "-f", "json"])
    captured = capsys.readouterr()
    assert code in {0, 1, 3, 4}
    assert "bug" not in captured.err
    assert not list(tmp_path.rglob("owned"))
    if code in {0, 1} and "csv" not in file and "parquet" not in file:
        assert "no table" in captured.out  # it says what it did not look into


def test_the_data_are_not_on_the_path_of_python(tmp_path: Path) -> None:
    """Unlike ``python -m``, the command does not look for modules in the working directory."""
    for module in ("json", "pandas", "pyarrow", "numpy", "sitecustomize", "click", "yaml"):
        (tmp_path / f"{module}.py").write_text("import os\nos.mkdir('owned')\nraise SystemExit(0)\n")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4\n")
    command = Path(sys.executable).with_name("poisonguard")
    assert command.exists(), "install poisonguard into this environment: make does"
    done = subprocess.run([command, "gate", "a.csv"], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert not (tmp_path / "owned").exists()


# Fail closed


def test_a_check_that_broke_is_never_a_pass(folder: Path) -> None:
    """modelscan, picklescan: a scanner that crashed on a file reported nothing, which read as clean."""
    from poisonguard.domain.outcome import Coverage, Failed, Ran, Skipped

    for outcomes in (
        (),
        (Failed("PG-DUP-001", "broke"),),
        (Skipped("PG-DUP-001", "no text"),),
        (Ran("PG-DUP-001", Coverage(0, 1), ()),),
        (Ran("PG-DUP-001", Coverage(1, 1), ()), Failed("PG-OUT-001", "broke")),
    ):
        world = World(content=inventory_of_folder(folder))
        world.approve(world.publish(), world.scan(outcomes=outcomes))
        decision = Gate(folder)(world)
        assert (decision.passed, decision.exit_code >= 4) == (False, True), outcomes


def test_a_clock_that_was_set_back_revives_nothing(approved: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No peer notices: an expired certificate verifies again on a machine whose clock was set back."""
    from poisonguard.workflow.gate_request import GateRequest
    from poisonguard.workflow.gating import run_gate

    request = GateRequest(data="reviews")
    assert run_gate(request, START + timedelta(days=2)).decision.passed
    for earlier in (timedelta(days=1), timedelta(minutes=1), timedelta(days=-400)):
        reasons = run_gate(request, START + earlier).decision.decision.reasons
        assert {item.code for item in reasons} & {"clock-set-back", "clock-behind"}


def test_no_policy_in_the_evidence_is_the_policy(folder: Path, world: World) -> None:
    """in-toto layouts travel with what they judge; here the policy is the caller's, and scans under others are none."""
    lax = replace(default_policy(), name="lax", minimum_coverage=0)
    theirs = World(content=inventory_of_folder(folder), policy=lax).behave()
    assert "policy-differs" in codes_of(Gate(folder)(theirs, policy=default_policy()))


def test_an_unsigned_statement_is_not_even_parsed(world: World) -> None:
    """A parser is reachable only for who holds a key: nothing that nobody trusted signed is read."""
    from poisonguard.attest.evidence import Unentitled, open_signed

    for payload in (b"", b"{" * 100_000, b"\xff", statement_of_nothing()):
        assert isinstance(open_signed(sign(payload, [key("mallory")]), world.root), Unentitled)


def statement_of_nothing() -> bytes:
    from documents import approval

    return statement_of(approval()).payload()
