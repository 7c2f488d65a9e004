"""The trust root: each rule, one test."""

from dataclasses import replace

import pytest
from evidence_world import DAY, NOW, key, person, trust_root
from hypothesis import given, settings
from hypothesis import strategies as st

from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import sign
from poisonguard.attest.keys import public_key
from poisonguard.attest.trust import (
    PAYLOAD_TYPE,
    Grant,
    Person,
    RoleName,
    TrustedRoot,
    TrustRoot,
    establish,
    open_envelope,
    parse_root,
    pin_of,
)
from poisonguard.errors import ConfigurationError, GateFailed, IntegrityError


def with_role(role: RoleName, grant: Grant, **changes: object) -> TrustRoot:
    return trust_root(roles={**trust_root().roles, role: grant}, **changes)


def signed(root: TrustRoot, *names: str) -> bytes:
    return root.sign([key(name) for name in names or ("olga",)]).to_bytes()


def start(data: bytes) -> TrustedRoot:
    return TrustedRoot.start(data, pin_of(data))


def test_a_trust_root_comes_back() -> None:
    assert parse_root(open_envelope(signed(trust_root()))) == trust_root()
    assert start(signed(trust_root())).root == trust_root()


def test_there_is_a_root_role() -> None:
    with pytest.raises(ConfigurationError, match="nobody plays the root role"):
        trust_root(roles={RoleName.STEWARD: Grant(("ann",), 1)})


@pytest.mark.parametrize("threshold", [-1, 0, 3])
def test_a_threshold_is_between_one_and_the_number_of_people(threshold: int) -> None:
    with pytest.raises(ConfigurationError, match="threshold"):
        with_role(RoleName.STEWARD, Grant(("ann", "bob"), threshold))


def test_nobody_is_in_a_role_twice_or_unknown() -> None:
    for people in (("ann", "ann"), ("ann", "mallory")):
        with pytest.raises(ConfigurationError, match="somebody twice, or somebody unknown"):
            with_role(RoleName.STEWARD, Grant(people, 1))


def test_a_role_without_people_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="threshold"):
        with_role(RoleName.STEWARD, Grant((), 1))


def test_names_and_keys_occur_once() -> None:
    everybody = trust_root().people
    for people, why in (
        ((*everybody, person("ann")), "two have the same"),
        ((*everybody, Person("", (key("x").public,))), "no name"),
        ((*everybody, Person("dan", ())), "no key"),
        ((*everybody, Person("dan", (key("ann").public,))), "listed twice"),
        ((*everybody, person("dan", "dan")), "listed twice"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            trust_root(people=people)


def test_versions_count_from_one() -> None:
    with pytest.raises(ConfigurationError, match="from 1"):
        trust_root(version=0)


@pytest.mark.parametrize("role", [RoleName.ROOT, RoleName.LOG, RoleName.REVOKER])
def test_some_roles_reach_to_every_dataset(role: RoleName) -> None:
    who = {RoleName.ROOT: "olga", RoleName.LOG: "log", RoleName.REVOKER: "olga"}[role]
    with pytest.raises(ConfigurationError, match="cannot be limited"):
        with_role(role, Grant((who,), 1, ("reviews",)))


@pytest.mark.parametrize("datasets", [(), ("",)])
def test_a_role_reaches_to_some_dataset(datasets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="reaches to no dataset"):
        with_role(RoleName.STEWARD, Grant(("ann",), 1, datasets))


def test_the_log_is_nobody_else() -> None:
    with pytest.raises(ConfigurationError, match="log is in the log role and in another"):
        with_role(RoleName.STEWARD, Grant(("ann", "log"), 1))


def test_roles_reach_to_their_datasets_only() -> None:
    root = with_role(RoleName.STEWARD, Grant(("ann",), 1, ("reviews", "img-*")))
    assert root.in_role(RoleName.STEWARD, "reviews") == root.in_role(RoleName.STEWARD, "img-7") == {"ann"}
    assert root.in_role(RoleName.STEWARD, "Reviews") == root.in_role(RoleName.STEWARD, "prices") == frozenset()
    assert root.in_role(RoleName.TRAINER) == frozenset()
    assert root.threshold(RoleName.TRAINER) > len(root.people)


def test_the_first_is_pinned() -> None:
    data = signed(trust_root())
    assert TrustedRoot.start(data, f"sha256:{pin_of(data).upper()}").digest == pin_of(data)
    for pin in ("", "0" * 64, pin_of(data)[:12]):
        with pytest.raises(IntegrityError, match="pinned"):
            TrustedRoot.start(data, pin)
        with pytest.raises(IntegrityError, match="pinned"):
            establish([data], pin)


def test_it_is_signed_by_its_own_threshold() -> None:
    with pytest.raises(IntegrityError, match="signed by 0 of 1"):
        start(signed(trust_root(), "ann"))
    two = with_role(RoleName.ROOT, Grant(("olga", "ann"), 2))
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        start(signed(two, "olga"))
    assert start(signed(two, "olga", "ann")).root == two


def test_one_person_with_two_keys_is_one_person() -> None:
    people = tuple(item for item in trust_root().people if item.name != "olga")
    root = with_role(RoleName.ROOT, Grant(("olga", "ann"), 2), people=(*people, person("olga", "olga-2")))
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        start(signed(root, "olga", "olga-2"))


def test_a_bad_signature_under_a_known_key_refuses_all() -> None:
    other = signed(trust_root(version=2), "ann")
    good = open_envelope(signed(trust_root()))
    forged = replace(
        good, signatures=tuple(sorted((*good.signatures, *open_envelope(other).signatures), key=lambda it: it.keyid))
    ).to_bytes()
    with pytest.raises(IntegrityError, match="does not verify"):
        start(forged)


def test_the_next_is_signed_by_both_thresholds() -> None:
    first = start(signed(trust_root()))
    handed_over = with_role(RoleName.ROOT, Grant(("ann",), 1), version=2)
    assert first.update(signed(handed_over, "olga", "ann")).root == handed_over
    with pytest.raises(IntegrityError, match="version 2 asks for"):
        first.update(signed(handed_over, "olga"))
    with pytest.raises(IntegrityError, match="version 1 asks for"):
        first.update(signed(handed_over, "ann"))


@pytest.mark.parametrize("version", [1, 3])
def test_the_next_has_the_next_version(version: int) -> None:
    with pytest.raises(IntegrityError, match="does not follow"):
        start(signed(trust_root())).update(signed(trust_root(version=version)))


def test_a_chain_is_followed_from_the_pinned_one() -> None:
    chain = [signed(trust_root(version=version)) for version in (1, 2, 3)]
    for data in chain:
        assert establish(chain, pin_of(data)).root.version == 3
    with pytest.raises(IntegrityError, match="does not follow"):
        establish([chain[0], chain[2]], pin_of(chain[0]))
    with pytest.raises(IntegrityError, match="more than"):
        establish(chain * 1000, pin_of(chain[0]))


def test_expiry_is_of_the_newest_only() -> None:
    old, new = trust_root(expires=NOW - DAY), trust_root(version=2)
    chain = [signed(old), signed(new)]
    establish(chain, pin_of(chain[0])).check_time(NOW)
    for moment in (NOW, NOW + DAY):
        with pytest.raises(GateFailed, match="version 1 expired"):
            start(signed(trust_root(expires=NOW))).check_time(moment)
    start(signed(trust_root(expires=NOW))).check_time(NOW - DAY)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"extra": 1},
        {"version": 0},
        {"expires": "tomorrow"},
        {"people": [{"name": "ann", "keys": ["nonsense"]}]},
        {"people": [{"name": "ann", "keys": [7]}]},
        {"people": [{"name": "ann", "keys": [key("ann").public.pem + "\n"]}]},
        {"roles": []},
        {"roles": [{"role": "king", "people": ["olga"], "threshold": 1, "datasets": ["*"]}]},
        {"roles": [{"role": "root", "people": ["olga"], "threshold": 1, "datasets": ["*"]}] * 2},
        {"roles": [{"role": "root", "people": ["olga"], "threshold": 0, "datasets": ["*"]}]},
        {"roles": [{"role": "root", "people": ["olga"], "threshold": True, "datasets": ["*"]}]},
    ],
)
def test_malformed_documents_are_refused(change: dict[str, object]) -> None:
    payload = canonical(trust_root().to_json() | change)
    with pytest.raises(IntegrityError):
        start(sign(payload, [key("olga")], payload_type=PAYLOAD_TYPE).to_bytes())


def test_another_type_of_document_is_refused() -> None:
    data = sign(canonical(trust_root().to_json()), [key("olga")]).to_bytes()
    with pytest.raises(IntegrityError, match="payloadType"):
        start(data)


def test_size_is_limited() -> None:
    with pytest.raises(IntegrityError, match="larger than"):
        open_envelope(b"x" * (4 * 1024 * 1024 + 1))


def test_a_stranger_is_nobody() -> None:
    with pytest.raises(IntegrityError, match="nobody's"):
        trust_root().person_of(public_key(key("mallory").public.handle))


ORIGINAL = signed(trust_root())


@settings(max_examples=200)
@given(st.data())
def test_no_flipped_bit_is_trusted_even_when_it_is_pinned(data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(ORIGINAL) - 1)), data.draw(st.integers(0, 7))
    mutated = bytearray(ORIGINAL)
    mutated[place] ^= 1 << bit
    with pytest.raises(IntegrityError):
        start(bytes(mutated))
    with pytest.raises(IntegrityError):
        establish([bytes(mutated)], pin_of(ORIGINAL))
