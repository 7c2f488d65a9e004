"""Honest statements and signatures where they do not belong: in other roles, envelopes, versions, logs, bundles."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from documents import approval, receipt, rejection, revocations
from evidence_gate import Gate, codes
from evidence_world import World, clean_scan, inventory_of_folder
from simulator import DAY, NOW, key, person, trust_root

from poisonguard.attest.canonical import canonical
from poisonguard.attest.checkpoint import Checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Envelope, Signature, add_signatures, sign
from poisonguard.attest.evidence import Signed, Unentitled, open_signed
from poisonguard.attest.predicates_v1 import Document, ManifestDocument, statement_of
from poisonguard.attest.trust import PAYLOAD_TYPE, Grant, RoleName, TrustRoot
from poisonguard.domain import merkle
from poisonguard.domain.dataset import Release
from poisonguard.errors import IntegrityError
from poisonguard.policy.builtin import default_policy
from poisonguard.store.bundle import Bundle, LoggedStatement

PLAYERS = {
    RoleName.ROOT: "olga",
    RoleName.PUBLISHER: "pub",
    RoleName.SCANNER: "ci",
    RoleName.STEWARD: "ann",
    RoleName.REVOKER: "rev",
    RoleName.TRAINER: "tim",
    RoleName.LOG: "log",
}


def everybody() -> TrustRoot:
    """Each role has one player, who plays no other."""
    grants = {role: Grant((name,), 1) for role, name in PLAYERS.items()}
    return trust_root(people=tuple(person(name) for name in PLAYERS.values()), roles=grants)


def manifest() -> ManifestDocument:
    world = World()
    return ManifestDocument(Release("reviews", 1, world.version, (), "2026-04-01T00:00:00Z"), world.content.manifest)


SAID: dict[RoleName, Callable[[], Document]] = {
    RoleName.PUBLISHER: manifest,
    RoleName.SCANNER: lambda: clean_scan(World().version, "reviews", default_policy()),
    RoleName.STEWARD: approval,
    RoleName.REVOKER: revocations,
    RoleName.TRAINER: receipt,
}
ROLES = [(wanted, given) for wanted in SAID for given in PLAYERS]


@pytest.mark.parametrize(("wanted", "given"), ROLES)
def test_nobody_speaks_in_a_role_that_is_not_theirs(wanted: RoleName, given: RoleName) -> None:
    envelope = sign(statement_of(SAID[wanted]()).payload(), [key(PLAYERS[given])])
    assert isinstance(open_signed(envelope, everybody()), Signed if wanted is given else Unentitled)


@pytest.mark.parametrize("given", [role for role in PLAYERS if role is not RoleName.STEWARD])
def test_nobody_but_stewards_rejects(given: RoleName) -> None:
    envelope = sign(statement_of(rejection()).payload(), [key(PLAYERS[given])])
    assert isinstance(open_signed(envelope, everybody()), Unentitled)


def test_all_the_others_together_are_no_steward() -> None:
    signers = [key(name) for role, name in PLAYERS.items() if role is not RoleName.STEWARD]
    assert isinstance(open_signed(sign(statement_of(approval()).payload(), signers), everybody()), Unentitled)


@pytest.mark.parametrize(
    "dataset", ["prices", "Reviews", "reviews ", "reviews2", "review", "\u0440eviews", "reviews\n"]
)
def test_a_role_for_one_dataset_is_none_for_another(dataset: str) -> None:
    root = everybody()
    root = replace(root, roles=dict(root.roles) | {RoleName.STEWARD: Grant(("ann",), 1, ("reviews",))})
    said = replace(approval(), dataset=dataset)
    assert isinstance(open_signed(sign(statement_of(said).payload(), [key("ann")]), root), Unentitled)


# Signatures moved between envelopes


def envelopes() -> dict[RoleName, Envelope]:
    return {role: sign(statement_of(said()).payload(), [key(PLAYERS[role])]) for role, said in SAID.items()}


@pytest.mark.parametrize("words", SAID)
def test_a_signature_holds_for_its_own_words_alone(words: RoleName) -> None:
    made = envelopes()
    for other in SAID:
        mixed = replace(made[words], signatures=made[other].signatures)
        if other is words:
            assert isinstance(open_signed(mixed, everybody()), Signed)
        else:
            with pytest.raises(IntegrityError, match="does not verify"):
                open_signed(mixed, everybody())


@pytest.mark.parametrize("words", SAID)
def test_a_good_signature_does_not_carry_a_bad_one(words: RoleName) -> None:
    """Peers that stop at the first good signature never look at the one that was forged."""
    made = envelopes()
    for other in SAID:
        if other is not words:
            signatures = sorted((*made[words].signatures, *made[other].signatures), key=lambda item: item.keyid)
            with pytest.raises(IntegrityError, match="does not verify"):
                open_signed(replace(made[words], signatures=tuple(signatures)), everybody())


def test_a_signature_is_not_moved_to_another_payload_type() -> None:
    payload = statement_of(approval()).payload()
    moved = replace(sign(payload, [key("ann")], payload_type=PAYLOAD_TYPE), payload_type="application/vnd.in-toto+json")
    with pytest.raises(IntegrityError, match="does not verify"):
        open_signed(moved, everybody())


def test_the_signed_length_is_signed_too() -> None:
    """DSSE's encoding before it said lengths: bytes moved between type and payload kept the signature."""
    envelope = sign(b"b", [key("ann")], payload_type="a")
    assert open_unless_refused(Envelope(b"", "a 1 b", envelope.signatures)) is None


def open_unless_refused(envelope: Envelope) -> object:
    try:
        return open_signed(envelope, everybody())
    except IntegrityError:
        return None


@pytest.mark.parametrize("claim", ["0" * 64, "", "ann", "pub", "\u0000"])
def test_a_key_id_is_a_claim_and_no_key(claim: str) -> None:
    envelope = envelopes()[RoleName.STEWARD]
    (signature,) = envelope.signatures
    keyid = key(claim).public.keyid if claim == "pub" else claim
    moved = replace(envelope, signatures=(Signature(keyid, signature.sig),))
    opened = open_unless_refused(moved)
    assert opened is None or isinstance(opened, Unentitled)


# Statements of something else, before the gate


def elsewhere(folder: Path, name: str) -> World:
    """The same people, and something else that they said."""
    if name == "another dataset":
        return World(content=inventory_of_folder(folder), dataset="prices").behave()
    if name == "another version":
        aside = folder.parent / "aside"
        aside.mkdir()
        (aside / "train.csv").write_text("a,b\n1,3\n")
        return World(content=inventory_of_folder(aside)).behave()
    if name == "another policy":
        return World(content=inventory_of_folder(folder), policy=replace(default_policy(), name="lax")).behave()
    return World(content=inventory_of_folder(folder), number=4).behave()


ELSEWHERE = ("another dataset", "another version", "another policy", "another number")
PARTS = ("manifest", "scan", "approval")


SAME = {("another number", 1), ("another policy", 0)}
"""A scan does not name the version's number, nor a manifest the policy: those are the very same words."""
DIFFERENT = [(name, part) for name in ELSEWHERE for part in range(3) if (name, part) not in SAME]


@pytest.mark.parametrize(("name", "part"), DIFFERENT, ids=[f"{PARTS[part]} of {name}" for name, part in DIFFERENT])
def test_what_was_said_elsewhere_does_not_count_here(folder: Path, world: World, name: str, part: int) -> None:
    other = elsewhere(folder, name)
    assert Gate(folder)(world).passed
    world.log[part] = other.log[part]
    assert not Gate(folder)(world).passed


@pytest.mark.parametrize("name", ELSEWHERE[:3])
def test_what_was_said_elsewhere_adds_nothing_here(folder: Path, world: World, name: str) -> None:
    """An approval of something else beside a missing one is still a missing one."""
    other = elsewhere(folder, name)
    del world.log[2]
    world.log += other.log[1:]
    assert "approvals-missing" in codes(Gate(folder)(world))


def test_two_publications_of_one_version_are_ambiguous(folder: Path, world: World) -> None:
    world.publish(created=NOW - 2 * DAY)
    assert codes(Gate(folder)(world)) >= {"manifest-ambiguous"}


# Proofs


def relogged(world: World, **changes: object) -> Bundle:
    bundle = world.bundle()
    return replace(bundle, **changes)  # type: ignore[arg-type]  # a test changes what it likes


def test_the_proof_of_one_statement_is_none_of_another(folder: Path, world: World) -> None:
    """Cosign (2026): the log entry was valid, but of another artifact than the one verified."""
    bundle = world.bundle()
    first, second, third = bundle.statements
    for one, other in ((first, second), (second, third), (third, first)):
        moved = LoggedStatement(one.envelope, one.index, other.proof)
        statements = tuple(moved if item is one else item for item in bundle.statements)
        assert codes(Gate(folder)(world, replace(bundle, statements=statements))) == {"log-inclusion"}


def test_a_statement_elsewhere_in_the_log_is_not_proven(folder: Path, world: World) -> None:
    bundle = world.bundle()
    last = bundle.statements[-1]
    for index in (last.index + 1, last.index + 2**32, 2**53 - 1):
        moved = (*bundle.statements[:-1], replace(last, index=index))
        assert codes(Gate(folder)(world, replace(bundle, statements=moved))) == {"log-inclusion"}


@pytest.mark.parametrize("how", ["shorter", "longer", "empty", "reversed", "repeated", "other"])
def test_a_proof_of_another_shape_is_none(folder: Path, world: World, how: str) -> None:
    bundle = world.bundle()
    first = bundle.statements[0]
    assert len(first.proof) == 2
    proof = {
        "shorter": first.proof[:-1],
        "longer": (*first.proof, bytes(32)),
        "empty": (),
        "reversed": first.proof[::-1],
        "repeated": first.proof * 2,
        "other": (bytes(32), first.proof[1]),
    }[how]
    altered = replace(bundle, statements=(replace(first, proof=proof), *bundle.statements[1:]))
    assert codes(Gate(folder)(world, altered)) == {"log-inclusion"}


def test_a_leaf_is_no_node_and_a_node_no_leaf(folder: Path, world: World) -> None:
    """Without the two prefixes of RFC 6962 a forger shows an inner node as a statement."""
    leaves = [merkle.leaf_hash(item.to_bytes()) for item in world.log]
    joined = leaves[0] + leaves[1]
    assert merkle.leaf_hash(joined) != merkle.root(leaves[:2])


CHECKPOINTS: dict[str, Callable[[Bundle, list[bytes]], bytes]] = {
    "signed by mallory": lambda _, leaves: _checkpoint(leaves, len(leaves), "mallory"),
    "signed by a steward": lambda _, leaves: _checkpoint(leaves, len(leaves), "ann"),
    "of an older log": lambda _, leaves: _checkpoint(leaves[:2], 2, "log"),
    "of a longer log": lambda _, leaves: _checkpoint(leaves, len(leaves) + 1, "log"),
    "of an empty log": lambda _, __: sign_checkpoint(Checkpoint("poisonguard/test", 0, merkle.root([])), key("log")),
    "of another log": lambda _, leaves: _checkpoint([*leaves[:-1], bytes(32)], len(leaves), "log"),
    "twice": lambda bundle, _: bundle.checkpoint * 2,
}


def _checkpoint(leaves: list[bytes], size: int, name: str) -> bytes:
    from poisonguard.attest.keys import Algorithm, generate

    signer = key("log") if name == "log" else generate(Algorithm.ED25519)
    return sign_checkpoint(Checkpoint("poisonguard/test", size, merkle.root(leaves)), signer)


@pytest.mark.parametrize("how", CHECKPOINTS)
def test_a_checkpoint_that_is_not_this_log_s_is_refused(folder: Path, world: World, how: str) -> None:
    bundle = world.bundle()
    leaves = [merkle.leaf_hash(item.envelope.to_bytes()) for item in bundle.statements]
    altered = replace(bundle, checkpoint=CHECKPOINTS[how](bundle, leaves))
    assert codes(Gate(folder)(world, altered)) & {"log-untrusted", "log-inclusion"}


# Envelopes bent after they were logged


def test_a_signature_added_to_a_logged_statement_is_seen(folder: Path, world: World) -> None:
    """The leaf is the whole envelope: nobody adds a vote to a statement that is in the log already."""
    bundle = world.bundle()
    more = replace(bundle.statements[2], envelope=add_signatures(bundle.statements[2].envelope, [key("bob")]))
    altered = replace(bundle, statements=(*bundle.statements[:2], more))
    assert codes(Gate(folder)(world, altered)) == {"log-inclusion"}


def test_a_malleable_signature_is_another_leaf(folder: Path, world: World) -> None:
    """ECDSA: who knows (r, s) knows (r, n - s), which verifies as well; the log holds the one that was made."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    bundle = world.bundle()
    last = bundle.statements[2]
    (signature,) = last.envelope.signatures
    r, s = decode_dss_signature(signature.sig)
    twin = replace(signature, sig=encode_dss_signature(r, order - s))
    envelope = replace(last.envelope, signatures=(twin,))
    assert isinstance(open_signed(envelope, world.root), Signed)  # verifies, as the mathematics have it
    altered = replace(bundle, statements=(*bundle.statements[:2], replace(last, envelope=envelope)))
    assert codes(Gate(folder)(world, altered)) == {"log-inclusion"}


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_a_signature_in_loose_der_is_refused(folder: Path, world: World, extra: int) -> None:
    envelope = world.log[2]
    (signature,) = envelope.signatures
    loose = [
        signature.sig + b"\0",
        b"\x30\x81" + signature.sig[1:],
        signature.sig[:2] + b"\x02\x21\x00" + signature.sig[3:],
        b"",
        signature.sig[:-1],
        b"\x30\x06\x02\x01\x00\x02\x01\x00",
    ][extra]
    with pytest.raises(IntegrityError, match="does not verify"):
        open_signed(replace(envelope, signatures=(replace(signature, sig=loose),)), world.root)


# The insiders: whoever has one key signs what is malformed


BENT_MANIFESTS: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
    "no files": lambda content: content | {"files": 0},
    "fewer than no files": lambda content: content | {"files": -1},
    "a float of files": lambda content: content | {"files": "1"},
    "no root": lambda content: {name: value for name, value in content.items() if name != "filesRoot"},
    "an upper-case root": lambda content: content | {"filesRoot": str(content["filesRoot"]).upper() + "A"},
    "an unknown hash profile": lambda content: content | {"hashProfile": "none"},
    "a weaker hash profile": lambda content: content | {"hashProfile": "file=md5"},
    "more bytes": lambda content: content | {"bytes": 9},
    "more rows": lambda content: content | {"rows": 9},
    "more files than listed": lambda content: content | {"files": 2},
}


@pytest.mark.parametrize("how", BENT_MANIFESTS)
def test_a_publisher_who_signs_a_bent_manifest_is_refused(folder: Path, world: World, how: str) -> None:
    said = json.loads(world.log[0].payload)
    bent = BENT_MANIFESTS[how](said["predicate"]["content"])
    said["predicate"]["content"] = bent
    digest = canonical_digest(bent)
    said["subject"][0]["digest"]["sha256"] = digest
    world.log[0] = sign(canonical(said), [key("pub")])
    for part in (1, 2):
        other = json.loads(world.log[part].payload)
        other["subject"][0]["digest"]["sha256"] = digest
        other["predicate"]["version"] = f"pg1:{digest}"
        if part == 2:
            other["predicate"]["manifestStatement"] = world.log[0].digest
            other["predicate"]["scanStatements"] = [world.log[1].digest]
        world.log[part] = sign(canonical(other), [key("ci" if part == 1 else "ann")])
    decision = Gate(folder)(world)
    assert not decision.passed
    assert codes(decision) & {"statement-altered", "listing-altered", "bytes-differ"}


def canonical_digest(value: object) -> str:
    from poisonguard.attest.canonical import digest_of

    return digest_of(value)
