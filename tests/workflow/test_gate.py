"""The gate against a world in which one thing is wrong at a time."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from evidence_gate import Gate, codes, notes, refused, seen
from evidence_world import ZERO, World
from simulator import DAY, NOW, trust_root

from poisonguard.attest.checkpoint import Checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Signature
from poisonguard.attest.keys import Algorithm, generate
from poisonguard.attest.listing import Listing
from poisonguard.attest.trust import Grant, RoleName, pin_of
from poisonguard.dataset.chunktree import ChunkTree
from poisonguard.dataset.verify import Mismatch
from poisonguard.domain import merkle
from poisonguard.domain.decision import Reason
from poisonguard.domain.outcome import Failed
from poisonguard.errors import GateFailed, IntegrityError
from poisonguard.policy.model import policy_digest
from poisonguard.workflow.gate_memory import GateState

# ---------------------------------------------------------------------------------------------------- passing


def test_an_approved_unaltered_version_passes(world: World, check: Gate) -> None:
    decision = check(world.behave(), dataset="reviews", min_version=3)
    assert codes(decision) == set()
    assert notes(decision) == {"passed"}
    assert (decision.passed, decision.exit_code) == (True, 0)
    decision.require()


def test_what_was_established_is_handed_on(world: World, check: Gate) -> None:
    evidence = check(world.behave()).evidence
    assert (evidence.root, evidence.trust_version) == (world.root, 1)
    assert (evidence.log_origin, evidence.log_size) == ("poisonguard/test", 3)


def test_the_evidence_is_shown(world: World, check: Gate, folder: Path) -> None:
    shown = check(world.behave()).to_json()
    assert json.loads(json.dumps(shown)) == shown
    approval = shown["approvals"][0]
    assert {name: shown[name] for name in ("schema", "verdict", "dataset", "number", "version")} == {
        "schema": "poisonguard-gate/v1",
        "verdict": "PASSED",
        "dataset": "reviews",
        "number": 3,
        "version": world.version,
    }
    assert (shown["location"], shown["files"], shown["bytes"]) == (str(folder), 2, 16)
    assert (shown["publishers"], shown["scans"][0]["by"], shown["assessment"]) == (["pub"], ["ci"], "clean")
    assert approval["by"] == ["ann"]
    assert (approval["created"], approval["until"]) == ("2026-04-30T12:00:00Z", "2026-05-31T12:00:00Z")
    assert shown["log"] == {"origin": "poisonguard/test", "size": 3}


def test_all_failures_are_listed_and_the_gravest_decides(world: World, check: Gate, folder: Path) -> None:
    published = world.publish()
    world.scan(outcomes=(Failed("PG-DUP-001", "broke"),))
    world.reject(published, world.log[1])
    (folder / "train.csv").write_bytes(b"a,b\n1,3\n")
    decision = check(world, min_version=9)
    expected = {"version-rolled-back", "approvals-missing", "rejected", "check-failed", "no-check-ran", "bytes-differ"}
    assert codes(decision) == expected
    assert decision.exit_code == 6
    with pytest.raises(IntegrityError, match=r"version-rolled-back: .*and 5 more reasons"):
        decision.require()


# ---------------------------------------------------------------------------------------------------- trust


@pytest.mark.parametrize("pin", [None, ""])
def test_nothing_passes_without_a_pin(world: World, check: Gate, pin: str | None) -> None:
    decision = check(world.behave(), trust_pin=pin)
    refused(decision, "trust-not-pinned")
    with pytest.raises(GateFailed, match="trust-not-pinned"):
        decision.require()


def test_another_trust_root_than_the_pinned_one(world: World, check: Gate) -> None:
    refused(check(world.behave(), trust_pin=ZERO), "trust-untrusted", 6)


def test_an_expired_trust_root(world: World, check: Gate) -> None:
    world.root = trust_root(expires=NOW)
    assert codes(check(world.behave())) == {"trust-expired"}


def test_an_older_trust_root_than_seen_before(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), state=GateState(trust_version=2))) == {"trust-rolled-back"}
    assert check(world, state=GateState(trust_version=1)).passed


def test_a_rotated_trust_root_is_followed(world: World, check: Gate) -> None:
    first = world.root_bytes
    world.root = trust_root(version=2)
    bundle = replace(world.behave().bundle(), trust_roots=(first, world.root_bytes))
    decision = check(world, bundle, trust_pin=pin_of(first))
    assert decision.passed
    assert decision.evidence.trust_version == 2


def test_who_was_taken_out_of_the_trust_root_no_longer_counts(world: World, check: Gate) -> None:
    first = world.root_bytes
    world.root = trust_root(version=2, roles={**trust_root().roles, RoleName.STEWARD: Grant(("bob",), 1)})
    bundle = replace(world.behave().bundle(), trust_roots=(first, world.root_bytes))
    decision = check(world, bundle, trust_pin=pin_of(first))
    assert codes(decision) == {"approvals-missing", "statement-unentitled"}
    assert decision.exit_code == 6


# ---------------------------------------------------------------------------------------------------- clock, rollback


def test_a_clock_that_was_set_back(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), state=GateState(latest=NOW + timedelta(seconds=1)))) == {"clock-set-back"}
    assert check(world, state=GateState(latest=NOW)).passed


def test_a_clock_before_the_manifest_or_the_scan(world: World, check: Gate) -> None:
    refused(check(world.behave(), now=NOW - 4 * DAY), "clock-behind")
    assert codes(check(world, now=NOW - 4 * DAY)) == {"clock-behind", "approvals-missing", "approval-from-future"}


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_version_that_is_new_enough(world: World, check: Gate, number: int) -> None:
    assert check(world.behave(), min_version=number, state=seen(reviews=number, other=9)).passed


def test_rollback_by_minimum_and_by_what_passed_before(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), min_version=4)) == {"version-rolled-back"}
    assert codes(check(world, state=seen(reviews=4))) == {"version-rolled-back"}


def test_another_dataset_than_the_one_wanted(world: World, check: Gate) -> None:
    assert codes(check(world.behave(), dataset="prices")) == {"dataset-differs"}


# ---------------------------------------------------------------------------------------------------- log


def test_a_statement_that_is_not_in_the_log(world: World, check: Gate) -> None:
    bundle = world.behave().bundle()
    last = bundle.statements[-1]
    forged = replace(bundle, statements=(*bundle.statements[:-1], replace(last, proof=last.proof[:-1])))
    refused(check(world, forged), "log-inclusion", 6)
    elsewhere = replace(bundle, statements=(*bundle.statements[:-1], replace(last, index=7)))
    refused(check(world, elsewhere), "log-inclusion", 6)


def test_a_log_of_another_registry(world: World, check: Gate) -> None:
    bundle = world.behave().bundle()
    leaves = [merkle.leaf_hash(item.envelope.to_bytes()) for item in bundle.statements]
    checkpoint = Checkpoint("poisonguard/test", len(leaves), merkle.root(leaves))
    note = sign_checkpoint(checkpoint, generate(Algorithm.ED25519))
    assert codes(check(world, replace(bundle, checkpoint=note))) == {"log-untrusted"}


def test_a_checkpoint_that_nobody_trusted_signed(world: World, check: Gate) -> None:
    bundle = world.behave().bundle()
    assert codes(check(world, replace(bundle, checkpoint=b"poisonguard/test\n3\n\n"))) == {"log-untrusted"}
    roles = {role: grant for role, grant in trust_root().roles.items() if role is not RoleName.LOG}
    world.root = trust_root(roles=roles)
    assert codes(check(world)) == {"log-untrusted"}


def test_a_checkpoint_of_an_older_log(world: World, check: Gate) -> None:
    old = replace(World(world.content).behave().bundle(), statements=())
    assert codes(check(world, replace(world.behave().bundle(), checkpoint=old.checkpoint))) == {"log-inclusion"}


# ---------------------------------------------------------------------------------------------------- manifest


def test_no_manifest(world: World, check: Gate) -> None:
    world.scan()
    assert codes(check(world)) == {"manifest-missing"}


@pytest.mark.parametrize("signer", ["ann", "ci", "log", "mallory"])
def test_a_manifest_that_no_publisher_signed(world: World, check: Gate, signer: str) -> None:
    world.publish(signer)
    decision = check(world)
    assert codes(decision) == {"manifest-missing", "statement-unentitled"}
    assert decision.exit_code == 6


def test_two_manifests(world: World, check: Gate) -> None:
    world.behave().publish(created=NOW - 2 * DAY)
    refused(check(world), "manifest-ambiguous", 6)


def test_a_publisher_of_another_dataset(world: World, check: Gate) -> None:
    world.root = trust_root(roles={**trust_root().roles, RoleName.PUBLISHER: Grant(("pub",), 1, ("prices",))})
    refused(check(world.behave()), "manifest-missing", 6)


def test_more_than_one_publisher_can_be_asked_for(world: World, check: Gate) -> None:
    world.root = trust_root(roles={**trust_root().roles, RoleName.PUBLISHER: Grant(("pub", "bob"), 2)})
    refused(check(World(world.content, root=world.root).behave()), "manifest-missing", 6)
    published, scanned = world.publish("pub", "bob"), world.scan()
    world.approve(published, scanned)
    assert check(world).passed


def test_a_signature_that_does_not_verify(world: World, check: Gate) -> None:
    world.behave()
    good = world.log[0]
    world.log[0] = replace(good, signatures=(Signature(good.signatures[0].keyid, b"\x30\x00"),))
    decision = check(world)
    refused(decision, "statement-altered", 6)
    assert "manifest-missing" in codes(decision)


# ---------------------------------------------------------------------------------------------------- bytes


def test_a_changed_a_missing_and_an_extra_file_are_named(world: World, check: Gate, folder: Path) -> None:
    world.behave()
    (folder / "train.csv").write_bytes(b"a,b\n1,3\n")
    (folder / "more" / "test.csv").unlink()
    (folder / "more" / ".hidden").touch()
    decision = check(world)
    assert (codes(decision), decision.exit_code) == ({"bytes-differ"}, 6)
    named = [item.message.split(":")[0] for item in decision.decision.reasons if item.exit_code]
    assert named == ["more/.hidden", "more/test.csv", "train.csv"]


def test_a_folder_that_is_gone(world: World, check: Gate, folder: Path) -> None:
    world.behave()
    shutil.rmtree(folder)
    refused(check(world), "bytes-differ", 6)


@pytest.mark.parametrize(("asked", "workers"), [({}, 2), ({"workers": 5}, 5)])
def test_as_many_workers_hash_as_are_asked_for(
    world: World, check: Gate, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], workers: int
) -> None:
    used = []

    def verify(*_: object, workers: int, **__: object) -> tuple[Mismatch, ...]:
        used.append(workers)
        return ()

    monkeypatch.setattr("poisonguard.workflow.gate.verify_files", verify)
    assert check(world.behave(), **asked).passed
    assert used == [workers]


@dataclass
class Many:
    """Finds so many differences."""

    count: int
    reads_bytes: ClassVar[bool] = True

    def __call__(self, location: str, files: Listing, *, tree: ChunkTree) -> Sequence[Mismatch]:
        return [Mismatch(f"f{number}", "is missing") for number in range(self.count)]


@pytest.mark.parametrize(
    ("count", "more"), [(2, []), (1000, []), (1001, ["and 1 more file"]), (3000, ["and 2,000 more files"])]
)
def test_not_more_than_a_thousand_files_are_named(world: World, check: Gate, count: int, more: list[str]) -> None:
    decision = check(world.behave(), compare=Many(count))
    messages = [*(f"f{number}: is missing" for number in range(min(count, 1000))), *more]
    hints = ["Restore the file, or publish and approve the new version.", *[""] * (len(messages) - 1)]
    assert decision.decision.reasons == tuple(
        Reason("bytes-differ", message, 6, hint) for message, hint in zip(messages, hints, strict=True)
    )


# ---------------------------------------------------------------------------------------------------- start


def test_the_gate_starts_without_analytics() -> None:
    heavy = ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy", "pydantic", "datasketch", "fsspec", "yaml")
    program = f"import sys, poisonguard.workflow.gate; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_digest_of_the_policy_is_shown(world: World, check: Gate) -> None:
    assert check(world.behave()).to_json()["policy"] == {"name": "default", "digest": policy_digest(world.policy)}
