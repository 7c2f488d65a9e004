"""Attacks on the trust root, each a named test: the honest world of ``simulator`` and what its attacker tries.

The names are TUF's (https://theupdateframework.github.io/specification/#goals-to-protect-against-specific-attacks).
"""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from simulator import DAY, NOW, World, council, key, person, relabelled, signed, spliced, trust_root, without

from poisonguard.attest.canonical import canonical
from poisonguard.attest.checkpoint import open_checkpoint
from poisonguard.attest.envelope import Envelope, Signature, sign
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.statement import Statement
from poisonguard.attest.trust import (
    PAYLOAD_TYPE,
    Grant,
    RoleName,
    TrustedRoot,
    TrustRoot,
    establish,
    open_envelope,
    parse_root,
    pin_of,
)
from poisonguard.errors import ConfigurationError, GateFailed, IntegrityError

COUNCIL = ("olga", "otto", "oona")
SAID = Statement("reviews", "0" * 64, "https://example.org/predicate", {})


def root(version: int, *names: str, threshold: int = 2) -> TrustRoot:
    return council(*(names or COUNCIL), threshold=threshold, version=version)


@pytest.fixture
def world() -> World:
    """Three root people of whom it takes two; version 3 hands oona's place to odo."""
    world = World()
    world.publish_root(root(1), "olga", "otto")
    world.publish_root(root(2), "otto", "oona")
    world.publish_root(root(3, "olga", "otto", "odo"), "olga", "otto")
    return world


def first(world: World) -> TrustedRoot:
    return TrustedRoot.start(world.chain[0], pin_of(world.chain[0]))


def newest(world: World) -> TrustedRoot:
    return establish(world.chain, pin_of(world.chain[0]))


def test_the_honest_chain_is_followed(world: World) -> None:
    assert newest(world).root == world.roots[-1]


# Trust roots


def test_arbitrary_root(world: World) -> None:
    forged = world.forge(root(2, "mallory", threshold=1), ["mallory"])
    with pytest.raises(IntegrityError, match="signed by 0 of 2 people that version 1 asks for"):
        first(world).update(forged)
    with pytest.raises(IntegrityError, match="pinned"):
        establish([forged], pin_of(world.chain[0]))
    with pytest.raises(IntegrityError, match="pinned"):
        TrustedRoot.start(forged, pin_of(world.chain[0]))


def test_a_root_of_another_world(world: World) -> None:
    other = World()
    other.publish_root(root(1, "mallory", "mallory-2"), "mallory", "mallory-2")
    stranger = other.publish_root(root(2, "mallory", "mallory-2"), "mallory", "mallory-2")
    with pytest.raises(IntegrityError, match="signed by 0 of 2"):
        first(world).update(stranger)
    with pytest.raises(IntegrityError, match="signed by 0 of 2 people that version 2"):
        establish([*world.chain[:2], other.chain[0]], pin_of(world.chain[0]))


def test_rollback_of_the_root(world: World) -> None:
    for old, why in zip(
        world.chain, ("1 does not follow version 3", "signed by 1 of 2", "3 does not follow"), strict=True
    ):
        with pytest.raises(IntegrityError, match=why):
            newest(world).update(old)


def test_a_skipped_version(world: World) -> None:
    with pytest.raises(IntegrityError, match="version 3 does not follow version 1"):
        first(world).update(world.chain[2])
    with pytest.raises(IntegrityError, match="does not follow"):
        establish([world.chain[0], world.chain[2]], pin_of(world.chain[0]))


def test_a_reordered_chain(world: World) -> None:
    one, two, three = world.chain
    for chain in ([one, three, two], [one, two, two], [one, one, two], [one, two, three, one]):
        with pytest.raises(IntegrityError, match="does not follow"):
            establish(chain, pin_of(one))


def test_fast_forward(world: World) -> None:
    """Even whoever has the threshold cannot make the honest next version come too late for ever."""
    world.steal("olga")
    world.steal("otto")
    far = world.forge(root(2**53 - 1), ["olga", "otto"])
    with pytest.raises(IntegrityError, match="does not follow version 1"):
        first(world).update(far)


def test_freeze(world: World) -> None:
    """Whoever is kept from seeing new versions notices when the one they have has expired."""
    frozen = first(world)
    frozen.check_time(frozen.root.expires - DAY)
    for late in (frozen.root.expires, frozen.root.expires + DAY):
        with pytest.raises(GateFailed, match="version 1 expired"):
            frozen.check_time(late)


def test_an_expired_version_cannot_be_revived_by_the_attacker(world: World) -> None:
    old = world.publish_root(replace(root(4, "olga", "otto", "odo"), expires=NOW), "olga", "otto")
    world.steal("odo")
    revived = world.forge(replace(root(5, "olga", "otto", "odo"), expires=NOW + DAY), ["odo"])
    trusted = establish([*world.chain[:3], old], pin_of(world.chain[0]))
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        trusted.update(revived)


def test_mix_and_match(world: World) -> None:
    """Signatures of one version under the words of another."""
    one, two, three = (open_envelope(data) for data in world.chain)
    for words, names in ((two, three), (two, one), (three, two)):
        mixed = replace(words, signatures=names.signatures).to_bytes()
        with pytest.raises(IntegrityError, match="does not verify"):
            establish([world.chain[0], *([] if words is two else [world.chain[1]]), mixed], pin_of(world.chain[0]))


def test_signatures_added_to_a_forgery(world: World) -> None:
    forged = open_envelope(world.forge(root(2, "mallory", threshold=1), ["mallory"]))
    honest = open_envelope(world.chain[1])
    with pytest.raises(IntegrityError, match="does not verify"):
        first(world).update(spliced(forged, honest).to_bytes())


def test_signatures_dropped_from_an_honest_version(world: World) -> None:
    honest = open_envelope(world.chain[1])
    assert len(honest.signatures) == 2
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        first(world).update(without(honest, "oona").to_bytes())
    with pytest.raises(IntegrityError, match="0 signatures"):
        first(world).update(without(honest, "oona", "otto").to_bytes())


def test_key_compromise_below_the_threshold(world: World) -> None:
    world.steal("otto")
    forged = world.forge(root(2, "mallory", "otto"), ["otto", "mallory"])
    with pytest.raises(IntegrityError, match="signed by 1 of 2 people that version 1 asks for"):
        first(world).update(forged)


def test_at_the_threshold_the_attacker_is_believed(world: World) -> None:
    """What the other tests refuse is refused for want of keys, not for another reason."""
    world.steal("otto")
    world.steal("oona")
    forged = world.forge(root(2, "mallory", threshold=1), ["otto", "oona", "mallory"])
    assert first(world).update(forged).root.in_role(RoleName.ROOT) == {"mallory"}


def test_keys_that_no_longer_count(world: World) -> None:
    """Oona left with version 3: keys of old versions are worth nothing for new ones."""
    world.steal("oona")
    world.steal("odo")
    forged = world.forge(root(4, "mallory", threshold=1), ["oona", "odo", "mallory"])
    with pytest.raises(IntegrityError, match="signed by 1 of 2 people that version 3 asks for"):
        newest(world).update(forged)


def test_signed_only_by_new_keys(world: World) -> None:
    world.steal("odo")
    with pytest.raises(IntegrityError, match="signed by 0 of 2 people that version 1 asks for"):
        first(world).update(world.forge(root(2, "odo", "mallory"), ["odo", "mallory"]))


def test_signed_only_by_old_keys(world: World) -> None:
    handed_over = signed(root(2, "mallory", "odo"), "olga", "otto")
    with pytest.raises(IntegrityError, match="signed by 0 of 2 people that version 2 asks for"):
        first(world).update(handed_over)


# Thresholds


def test_one_person_with_two_keys_is_one_person() -> None:
    two_keys = council("olga", "otto", threshold=2, olga=("olga-2",))
    data = signed(two_keys, "olga", "olga-2")
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        TrustedRoot.start(data, pin_of(data))


def test_one_key_of_two_people() -> None:
    with pytest.raises(ConfigurationError, match="listed twice"):
        trust_root(people=(*trust_root().people, person("otto", "olga")))
    document = trust_root().to_json()
    document["people"].append({"name": "otto", "keys": [key("olga").public.pem]})
    data = sign(canonical(document), [key("olga")], payload_type=PAYLOAD_TYPE).to_bytes()
    with pytest.raises(IntegrityError, match="listed twice"):
        TrustedRoot.start(data, pin_of(data))


def compressed(name: str) -> str:
    """The same P-256 key with its point compressed: other bytes, other digest."""
    handle = key(name).public.handle
    assert isinstance(handle, ec.EllipticCurvePublicKey)
    point = handle.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize(
    "spelling",
    [
        compressed("olga"),
        key("olga").public.pem.replace("\n", "\r\n"),
        key("olga").public.pem + "\n",
        "hello\n" + key("olga").public.pem,
        key("olga").public.pem * 2,
    ],
)
def test_one_key_in_two_spellings(spelling: str) -> None:
    document = trust_root().to_json()
    document["people"].append({"name": "otto", "keys": [spelling]})
    document["roles"] = [
        item | ({"people": ["olga", "otto"], "threshold": 2} if item["role"] == "root" else {})
        for item in document["roles"]
    ]
    data = sign(canonical(document), [key("olga")], payload_type=PAYLOAD_TYPE).to_bytes()
    with pytest.raises(IntegrityError, match="unusual spelling"):
        TrustedRoot.start(data, pin_of(data))


def test_one_person_under_two_names() -> None:
    for twin in ("Olga", "OLGA", "\uff4flga"):
        with pytest.raises(ConfigurationError, match="look the same"):
            council("olga", twin, threshold=2)


def test_the_same_signature_twice(world: World) -> None:
    good = open_envelope(world.chain[1])
    one = without(good, "oona").signatures[0]
    doubled = replace(good, signatures=(one, one)).to_bytes()
    with pytest.raises(IntegrityError, match="two signatures under one key id"):
        first(world).update(doubled)


def test_one_signature_under_two_key_ids(world: World) -> None:
    """A key id is a claim: whoever claims another's is refused, whoever claims nobody's counts for nothing."""
    good = without(open_envelope(world.chain[1]), "oona")
    otto = good.signatures[0]
    for keyid, why in (
        (key("oona").public.keyid, "does not verify"),
        ("0" * 64, "signed by 1 of 2"),
        (otto.keyid.upper(), "signed by 1 of 2"),
        (f"sha256:{otto.keyid}", "signed by 1 of 2"),
        (f"{otto.keyid} ", "signed by 1 of 2"),
    ):
        both = sorted((otto, Signature(keyid, otto.sig)), key=lambda item: item.keyid)
        with pytest.raises(IntegrityError, match=why):
            first(world).update(replace(good, signatures=tuple(both)).to_bytes())


def test_two_signatures_of_one_key(world: World) -> None:
    """ECDSA signs differently each time; the second is still the same key's."""
    good = without(open_envelope(world.chain[1]), "oona")
    again = sign(good.payload, [key("otto")], payload_type=PAYLOAD_TYPE)
    assert again.signatures[0].sig != good.signatures[0].sig
    both = replace(good, signatures=(*good.signatures, *again.signatures)).to_bytes()
    with pytest.raises(IntegrityError, match="two signatures under one key id"):
        first(world).update(both)


def test_an_attackers_signature_labelled_as_an_honest_one(world: World) -> None:
    forged = open_envelope(world.forge(root(2, "mallory", threshold=1), ["mallory", "mallory-2"]))
    claimed = relabelled(forged, {"mallory": "olga", "mallory-2": "otto"})
    with pytest.raises(IntegrityError, match="does not verify"):
        first(world).update(claimed.to_bytes())


# Types


def test_wrong_payload_type(world: World) -> None:
    """An honest statement whose payload happens to be a trust root, and the other way round."""
    words = canonical(root(2, "mallory", threshold=1).to_json())
    as_statement = sign(words, [key(name) for name in ("olga", "otto", "mallory")])
    with pytest.raises(IntegrityError, match="payloadType"):
        first(world).update(as_statement.to_bytes())
    relabelled_type = Envelope(words, PAYLOAD_TYPE, as_statement.signatures)
    with pytest.raises(IntegrityError, match="does not verify"):
        first(world).update(relabelled_type.to_bytes())


def test_wrong_predicate_type(world: World) -> None:
    """A root person's word on anything else is no trust root, and no statement that we know."""
    said = world.say(SAID, "olga", "otto", "pub")
    with pytest.raises(IntegrityError, match="payloadType"):
        first(world).update(said.to_bytes())
    retyped = Envelope(said.payload, PAYLOAD_TYPE, said.signatures)
    with pytest.raises(IntegrityError, match="does not verify"):
        first(world).update(retyped.to_bytes())
    as_root = sign(said.payload, [key("olga"), key("otto")], payload_type=PAYLOAD_TYPE)
    with pytest.raises(IntegrityError, match="lacks 'kind'"):
        first(world).update(as_root.to_bytes())
    with pytest.raises(IntegrityError, match="predicate"):
        open_signed(said, world.roots[0])


def test_a_statement_nobody_known_signed_is_not_even_read(world: World) -> None:
    envelope = sign(b"not JSON at all", [key("mallory")])
    assert isinstance(open_signed(envelope, world.roots[0]), Unentitled)


def test_unknown_role(world: World) -> None:
    document = json.loads(canonical(root(2).to_json()))
    document["roles"].append({"role": "superuser", "people": ["olga"], "threshold": 1, "datasets": ["*"]})
    data = sign(canonical(document), [key("olga"), key("otto")], payload_type=PAYLOAD_TYPE).to_bytes()
    with pytest.raises(IntegrityError, match="role is not"):
        first(world).update(data)


def test_a_role_spelled_otherwise(world: World) -> None:
    for name in ("Root", "root ", "ROOT", ""):
        document = json.loads(canonical(root(2).to_json()))
        document["roles"][2]["role"] = name
        data = sign(canonical(document), [key("olga"), key("otto")], payload_type=PAYLOAD_TYPE).to_bytes()
        with pytest.raises(IntegrityError, match=r"roles\[2\]\.role"):
            first(world).update(data)


def test_a_member_named_twice(world: World) -> None:
    payload = canonical(root(2).to_json()).replace(b'"version":2', b'"version":9,"version":2')
    data = sign(payload, [key("olga"), key("otto")], payload_type=PAYLOAD_TYPE).to_bytes()
    with pytest.raises(IntegrityError, match="member twice"):
        first(world).update(data)


# The log


def test_a_log_key_that_was_rotated_still_vouches_until_it_is_retired(world: World) -> None:
    log = world.roots[2].roles[RoleName.LOG]
    assert log == Grant(("log",), 1)
    world.say(SAID, "pub")
    old_note = world.checkpoint()
    both = trust_root(people=tuple(person("log", "new-log") if it.name == "log" else it for it in trust_root().people))
    assert open_checkpoint(old_note, both.keys_of(RoleName.LOG)).size == 1
    assert open_checkpoint(world.checkpoint(signer="new-log"), both.keys_of(RoleName.LOG)).size == 1
    with pytest.raises(IntegrityError, match="not signed by a trusted log key"):
        open_checkpoint(world.checkpoint(signer="new-log"), trust_root().keys_of(RoleName.LOG))


def test_a_forked_log_needs_the_logs_key(world: World) -> None:
    forked = world.fork([world.forge_statement(SAID, ["mallory"])], "mallory-log")
    with pytest.raises(IntegrityError, match="not signed by a trusted log key"):
        open_checkpoint(forked, trust_root().keys_of(RoleName.LOG))


def test_everything_parsed_was_signed(world: World) -> None:
    """A trust root is parsed before its signatures are counted, since it names its own signers; it is not believed."""
    forged = world.forge(root(2, "mallory", threshold=1), ["mallory"])
    assert parse_root(open_envelope(forged)).in_role(RoleName.ROOT) == {"mallory"}
    with pytest.raises(IntegrityError):
        first(world).update(forged)
