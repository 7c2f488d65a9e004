"""The trust root: every rule of the two modules one test, named by its number."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import DAY, NOW, council, flipped, key, person, signed, trust_root

from poisonguard.attest import trust, trust_document
from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import sign
from poisonguard.attest.keys import public_key
from poisonguard.attest.trust import (
    MAX_CHAIN,
    MAX_ROOT_BYTES,
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


def with_person(*more: Person) -> TrustRoot:
    return trust_root(people=(*trust_root().people, *more))


def document(change: dict[str, object]) -> bytes:
    payload = canonical(trust_root().to_json() | change)
    return sign(payload, [key("olga")], payload_type=PAYLOAD_TYPE).to_bytes()


def start(data: bytes) -> TrustedRoot:
    return TrustedRoot.start(data, pin_of(data))


def refused(why: str) -> "pytest.RaisesExc[ConfigurationError]":
    return pytest.raises(ConfigurationError, match=f"^trust root: .*{why}")


# The document


def test_a_trust_root_comes_back() -> None:
    assert parse_root(open_envelope(signed(trust_root()))) == trust_root()
    assert start(signed(trust_root())).root == trust_root()


def test_the_document_is_written_as_it_always_was() -> None:
    """A golden copy: who holds a pin of version 1 must be able to follow for years."""
    root = TrustRoot(
        7,
        NOW,
        (Person("ann", (key("ann").public,)), Person("log", (key("log").public, key("new-log").public))),
        {
            RoleName.ROOT: Grant(("ann",), 1),
            RoleName.LOG: Grant(("log",), 1),
            RoleName.STEWARD: Grant(("ann",), 1, ("a-*",)),
        },
    )
    assert root.to_json() == {
        "kind": "poisonguard-trust-root/v1",
        "version": 7,
        "expires": "2026-05-01T12:00:00Z",
        "people": [
            {"name": "ann", "keys": [key("ann").public.pem]},
            {"name": "log", "keys": [key("log").public.pem, key("new-log").public.pem]},
        ],
        "roles": [
            {"role": "log", "people": ["log"], "threshold": 1, "datasets": ["*"]},
            {"role": "root", "people": ["ann"], "threshold": 1, "datasets": ["*"]},
            {"role": "steward", "people": ["ann"], "threshold": 1, "datasets": ["a-*"]},
        ],
    }
    assert PAYLOAD_TYPE == "application/vnd.poisonguard.trust-root+json"
    envelope = root.sign([key("ann")])
    assert (envelope.payload_type, envelope.payload) == (PAYLOAD_TYPE, canonical(root.to_json()))
    assert list(RoleName) == ["root", "publisher", "scanner", "steward", "revoker", "trainer", "log"]


@pytest.mark.parametrize("version", [0, -1])
def test_rule_1_versions_count_from_one(version: int) -> None:
    assert trust_root(version=1).version == 1
    with refused("count from 1"):
        trust_root(version=version)


def test_rule_2_somebody_plays_root() -> None:
    with refused("nobody plays the root role"):
        trust_root(roles={RoleName.STEWARD: Grant(("ann",), 1)})


@pytest.mark.parametrize("name", ["", " dan", "dan ", "d\nan", "dan\u200b", "d\u0061\u0308n", "\u202edan", "\t"])
def test_rule_3_names_can_be_printed_as_they_are(name: str) -> None:
    with refused("no name that can be printed"):
        with_person(Person(name, (key("x").public,)))


@pytest.mark.parametrize("name", ["ann", "Ann", "ANN", "\uff41nn"])
def test_rule_4_no_two_names_look_the_same(name: str) -> None:
    with refused("the same name"):
        with_person(Person(name, (key("x").public,)))
    with refused("the same name"):
        with_person(Person("Stra\u00dfe", (key("x").public,)), Person("STRASSE", (key("y").public,)))
    assert with_person(Person("D\u00e4n the 2nd", (key("x").public,))).people[-1].name == "D\u00e4n the 2nd"


def test_rule_5_everybody_has_a_key() -> None:
    with refused("dan has no key"):
        with_person(Person("dan", ()))


def test_rule_6_a_key_is_listed_once() -> None:
    for other in (Person("dan", (key("ann").public,)), person("dan", "dan"), person("dan", "olga")):
        with refused("is listed twice"):
            with_person(other)


def test_rule_7_everybody_in_a_role_is_known() -> None:
    with refused("unknown: mallory"):
        with_role(RoleName.STEWARD, Grant(("ann", "mallory"), 1))
    strangers = tuple(f"stranger {number}" for number in range(9, 0, -1))
    with refused("unknown: stranger 1$"):
        with_role(RoleName.STEWARD, Grant(strangers, 1))


def test_rule_8_nobody_is_in_a_role_twice() -> None:
    with refused("twice: ann"):
        with_role(RoleName.STEWARD, Grant(("ann", "bob", "ann"), 1))


@pytest.mark.parametrize("threshold", [-1, 0, 3])
def test_rule_9_a_threshold_is_from_one_to_all(threshold: int) -> None:
    for most in (1, 2):
        assert with_role(RoleName.STEWARD, Grant(("ann", "bob"), most)).threshold(RoleName.STEWARD) == most
    with refused(f"threshold {threshold}, which is not 1 to 2"):
        with_role(RoleName.STEWARD, Grant(("ann", "bob"), threshold))
    with refused("threshold 1, which is not 1 to 0"):
        with_role(RoleName.STEWARD, Grant((), 1))
    with refused("threshold 2, which is not 1 to 1"):
        trust_root(
            people=(*trust_root().people, person("other-log")),
            roles={**trust_root().roles, RoleName.LOG: Grant(("log", "other-log"), 2)},
        )


@pytest.mark.parametrize("datasets", [(), ("",), ("reviews", ""), ("[a-z]*",), ("*", "a[")])
def test_rule_10_a_role_reaches_to_datasets_by_simple_patterns(datasets: tuple[str, ...]) -> None:
    with refused("reaches to no dataset, or has a pattern"):
        with_role(RoleName.STEWARD, Grant(("ann",), 1, datasets))


@pytest.mark.parametrize("role", [RoleName.ROOT, RoleName.LOG, RoleName.REVOKER])
def test_rule_11_some_roles_reach_to_every_dataset(role: RoleName) -> None:
    who = {RoleName.ROOT: "olga", RoleName.LOG: "log", RoleName.REVOKER: "olga"}[role]
    with refused("cannot be limited"):
        with_role(role, Grant((who,), 1, ("reviews",)))


@pytest.mark.parametrize("role", [RoleName.PUBLISHER, RoleName.SCANNER, RoleName.STEWARD, RoleName.TRAINER])
def test_the_others_may_be_limited(role: RoleName) -> None:
    assert with_role(role, Grant(("ann",), 1, ("reviews",))).in_role(role, "prices") == frozenset()


def test_rule_12_the_log_is_nobody_else() -> None:
    with refused("log is in the log role and in another"):
        with_role(RoleName.STEWARD, Grant(("ann", "log"), 1))
    names = tuple(f"log {number}" for number in range(9, 0, -1))
    everybody = (*trust_root().people, *(Person(name, (key(f"{name} log").public,)) for name in names))
    roles = {RoleName.LOG: Grant(names, 1), RoleName.STEWARD: Grant(names, 1)}
    with refused("log 1 is in the log role and in another"):
        trust_root(people=everybody, roles={**trust_root().roles, **roles})


def quantum(*names: str, threshold: int, **keys: tuple[str, ...]) -> TrustRoot:
    root = council(*names, threshold=threshold, **keys)
    grant = Grant(names, threshold, post_quantum=True)
    return TrustRoot(1, root.expires, root.people, {**root.roles, RoleName.ROOT: grant})


def test_rule_13_post_quantum_takes_enough_people_with_both_kinds() -> None:
    assert quantum("olga", "otto", threshold=1, olga=("olga+pq",)).roles[RoleName.ROOT].post_quantum
    with refused("postQuantum and takes 2, but 1 can"):
        quantum("olga", "otto", threshold=2, olga=("olga+pq",))
    with refused("postQuantum and takes 1, but 0 can"):
        quantum("olga+pq", threshold=1)
    with refused("role log is postQuantum and takes 1, but 0 can"):
        trust_root(
            people=(*(item for item in trust_root().people if item.name != "log"), person("log", "log+pq")),
            roles={**trust_root().roles, RoleName.LOG: Grant(("log",), 1, post_quantum=True)},
        )


def test_rule_14_roles_stand_in_order_once() -> None:
    roles = trust_root().to_json()["roles"]
    for other in (roles[::-1], [*roles, roles[-1]], []):
        with pytest.raises(IntegrityError, match=r"roles out of order|nobody plays"):
            start(document({"roles": other}))


def test_rule_15_a_key_has_one_spelling() -> None:
    ann = key("ann").public.pem
    lines = ann.splitlines()
    broken_elsewhere = "\n".join([lines[0], lines[1] + lines[2], *lines[3:]]) + "\n"
    for pem in (ann + "\n", "\n" + ann, ann.replace("\n", "\r\n"), ann[:-1], "# ann\n" + ann, broken_elsewhere):
        with pytest.raises(IntegrityError, match="unusual spelling"):
            start(document({"people": [{"name": "ann", "keys": [pem]}]}))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "other"}, "kind is not"),
        ({"extra": 1}, "unknown member 'extra'"),
        ({"version": 0}, "version is not an integer of at least 1"),
        ({"version": True}, "version is not"),
        ({"expires": "tomorrow"}, "expires is not"),
        ({"expires": 7}, "expires is not"),
        ({"people": [{"name": "ann", "keys": ["nonsense"]}]}, r"people\[0\].keys\[0\] holds no public key"),
        ({"people": [{"name": "ann", "keys": [7]}]}, r"people\[0\].keys\[0\] is not a public key"),
        ({"people": [{"name": "ann", "keys": [], "admin": True}]}, "unknown member 'admin'"),
        ({"people": {}}, "people is not an array"),
        ({"roles": []}, "nobody plays the root role"),
        ({"roles": [{"role": "king", "people": ["olga"], "threshold": 1, "datasets": ["*"]}]}, "role is not root or"),
        ({"roles": [{"role": "root", "people": ["olga"], "threshold": 0, "datasets": ["*"]}]}, "threshold 0"),
        ({"roles": [{"role": "root", "people": ["olga"], "threshold": -1, "datasets": ["*"]}]}, "threshold is not"),
        ({"roles": [{"role": "root", "people": ["olga"], "threshold": True, "datasets": ["*"]}]}, "threshold is not"),
        (
            {"roles": [{"role": "root", "people": ["olga"], "threshold": 1, "datasets": ["*"], "postQuantum": False}]},
            "postQuantum is not true",
        ),
        (
            {"roles": [{"role": "root", "people": ["olga"], "threshold": 1, "datasets": ["*"], "max": 1}]},
            "unknown member 'max'",
        ),
    ],
)
def test_malformed_documents_are_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        start(document(change))


def test_a_document_that_breaks_a_rule_says_how_to_mend_it() -> None:
    with pytest.raises(IntegrityError) as caught:
        start(document({"roles": []}))
    assert "trust init --help" in caught.value.hint


def test_post_quantum_comes_back() -> None:
    root = quantum("olga", threshold=1, olga=("olga+pq",))
    assert parse_root(open_envelope(signed(root, "olga"))) == root
    assert [item for item in root.to_json()["roles"] if "postQuantum" in item] == [
        {"role": "root", "people": ["olga"], "threshold": 1, "datasets": ["*"], "postQuantum": True}
    ]


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("reviews", ["reviews"], ["Reviews", "reviews2", "reviews/de", "", "review", "reviews\n"]),
        ("img-*", ["img-", "img-7", "img-a/b"], ["IMG-7", "img", "my-img-7"]),
        ("team/*", ["team/a", "team/a/b", "team/"], ["team", "Team/a", "teams/a"]),
        ("*/public", ["a/public", "a/b/public"], ["public", "a/publics"]),
        ("v?", ["v1", "v/"], ["v", "v10"]),
        ("*", ["", "a", "a/b", "a\nb"], []),
        ("a.b", ["a.b"], ["axb"]),
        ("a]", ["a]"], ["a"]),
    ],
)
def test_patterns_mean_what_people_read(pattern: str, covered: list[str], not_covered: list[str]) -> None:
    root = with_role(RoleName.STEWARD, Grant(("ann",), 1, ("prices", pattern)))
    assert [name for name in covered if root.in_role(RoleName.STEWARD, name) != {"ann"}] == []
    assert [name for name in not_covered if root.in_role(RoleName.STEWARD, name)] == []


def test_nobody_plays_a_role_that_is_not_there() -> None:
    root = trust_root()
    assert root.in_role(RoleName.TRAINER) == frozenset()
    assert root.keys_of(RoleName.TRAINER) == ()
    assert root.threshold(RoleName.TRAINER) == len(root.people) + 1
    assert root.entitled(RoleName.TRAINER, root.by_person(root.keys)) == frozenset()
    assert root.keys_of(RoleName.STEWARD) == (key("ann").public, key("bob").public)


def test_a_stranger_is_nobody() -> None:
    assert trust_root().person_of(key("ann").public) == "ann"
    with pytest.raises(IntegrityError, match="nobody's"):
        trust_root().person_of(public_key(key("mallory").public.handle))


def test_signers_are_people_with_all_keys_that_they_used() -> None:
    root = council("olga", "otto", threshold=2, olga=("olga-2", "olga-3"))
    envelope = root.sign([key(name) for name in ("olga", "olga-2", "ann", "mallory")])
    assert root.signers(envelope, what="it") == {
        "olga": {key("olga").public, key("olga-2").public},
        "ann": {key("ann").public},
    }
    assert root.entitled(RoleName.ROOT, root.signers(envelope, what="it")) == {"olga"}


def test_who_is_entitled_depends_on_the_dataset() -> None:
    root = with_role(RoleName.STEWARD, Grant(("ann", "bob"), 2, ("reviews",)))
    everybody = root.by_person(root.keys)
    assert root.entitled(RoleName.STEWARD, everybody, "reviews") == {"ann", "bob"}
    assert root.entitled(RoleName.STEWARD, everybody, "prices") == frozenset()
    assert root.entitled(RoleName.STEWARD, everybody) == {"ann", "bob"}


def test_in_a_post_quantum_role_people_count_by_both_kinds_of_key() -> None:
    root = quantum("olga", "otto", threshold=1, olga=("olga+pq", "olga-2"), otto=("otto+pq",))

    def voters(*names: str) -> frozenset[str]:
        return root.entitled(RoleName.ROOT, root.by_person([key(name).public for name in names]))

    assert voters("olga", "olga+pq") == voters("olga-2", "olga+pq") == {"olga"}
    assert voters("olga") == voters("olga+pq") == voters("olga", "olga-2") == frozenset()
    assert voters("olga", "otto+pq") == frozenset(), "one half each is nobody's whole"
    assert voters("olga", "olga+pq", "otto", "otto+pq") == {"olga", "otto"}


def test_a_trust_root_with_a_post_quantum_root_role_is_followed() -> None:
    root = quantum("olga", threshold=1, olga=("olga+pq",))
    assert start(signed(root, "olga", "olga+pq")).root == root
    for names in (("olga",), ("olga+pq",)):
        with pytest.raises(IntegrityError, match="signed by 0 of 1"):
            start(signed(root, *names))


# Trusting


def test_rule_16_size_is_limited() -> None:
    with pytest.raises(IntegrityError, match="larger than"):
        open_envelope(b" " * (MAX_ROOT_BYTES + 1))
    with pytest.raises(IntegrityError, match="not JSON"):
        open_envelope(b" " * MAX_ROOT_BYTES)
    assert MAX_ROOT_BYTES == 4 * 1024 * 1024


def test_rule_17_the_first_is_pinned() -> None:
    data = signed(trust_root())
    assert TrustedRoot.start(data, f"sha256:{pin_of(data).upper()}").digest == pin_of(data)
    for pin in ("", "0" * 64, pin_of(data)[:12], "sha256:", f" {pin_of(data)}"):
        with pytest.raises(IntegrityError, match="pinned") as caught:
            TrustedRoot.start(data, pin)
        assert "keeps the trust root" in caught.value.hint


def test_rule_18_the_first_is_signed_by_its_own_threshold() -> None:
    with pytest.raises(IntegrityError, match="signed by 0 of 1 person that version 1 asks for") as caught:
        start(signed(trust_root(), "ann"))
    assert caught.value.hint == "Eligible: olga."
    two = with_role(RoleName.ROOT, Grant(("olga", "ann"), 2))
    with pytest.raises(IntegrityError, match="signed by 1 of 2"):
        start(signed(two, "olga"))
    assert start(signed(two, "olga", "ann")).root == two


HANDED_OVER = with_role(RoleName.ROOT, Grant(("ann",), 1), version=2)


def test_rule_19_the_next_is_signed_by_the_threshold_before() -> None:
    first = start(signed(trust_root()))
    with pytest.raises(IntegrityError, match="signed by 0 of 1 person that version 1 asks for"):
        first.update(signed(HANDED_OVER, "ann"))
    unread = sign(b"what they did not sign is not read", [key("ann")], payload_type=PAYLOAD_TYPE)
    with pytest.raises(IntegrityError, match="signed by 0 of 1 person that version 1 asks for"):
        first.update(unread.to_bytes())


@pytest.mark.parametrize("version", [1, 2, 4, 2**53 - 1])
def test_rule_20_the_next_has_the_next_version(version: int) -> None:
    second = start(signed(trust_root(version=2)))
    assert second.update(signed(trust_root(version=3))).root.version == 3
    with pytest.raises(IntegrityError, match=f"version {version} does not follow version 2"):
        second.update(signed(trust_root(version=version)))


def test_rule_21_the_next_is_signed_by_its_own_threshold() -> None:
    first = start(signed(trust_root()))
    with pytest.raises(IntegrityError, match="signed by 0 of 1 person that version 2 asks for"):
        first.update(signed(HANDED_OVER, "olga"))
    data = signed(HANDED_OVER, "olga", "ann")
    followed = first.update(data)
    assert (followed.root, followed.digest) == (HANDED_OVER, pin_of(data))


def test_rule_22_a_chain_is_limited() -> None:
    chain = [signed(trust_root())] * MAX_CHAIN
    with pytest.raises(IntegrityError, match="does not follow"):
        establish(chain, pin_of(chain[0]))
    with pytest.raises(IntegrityError, match="more than 1024 trust roots"):
        establish([*chain, chain[0]], pin_of(chain[0]))


def test_rule_23_a_chain_holds_the_pinned_one() -> None:
    chain = [signed(trust_root(version=version)) for version in (1, 2, 3)]
    for data in chain:
        assert establish(chain, f"sha256:{pin_of(data)}").root.version == 3
    for wrong, pin in ((chain, "0" * 64), (chain, ""), (chain[1:], pin_of(chain[0])), ([], pin_of(chain[0]))):
        with pytest.raises(IntegrityError, match=f"none of {len(wrong)} trust roots is the pinned") as caught:
            establish(wrong, pin)
        assert "keeps the trust root" in caught.value.hint
    assert establish([b"what lies before the pinned one is not read", *chain], pin_of(chain[0])).root.version == 3


def test_rule_24_the_newest_must_not_have_expired() -> None:
    old, new = trust_root(expires=NOW - DAY), trust_root(version=2)
    chain = [signed(old), signed(new)]
    establish(chain, pin_of(chain[0])).check_time(NOW)
    expiring = start(signed(trust_root(expires=NOW)))
    for moment in (NOW, NOW + DAY):
        with pytest.raises(GateFailed, match="version 1 expired on 2026-05-01T12:00:00Z"):
            expiring.check_time(moment)
    expiring.check_time(NOW - DAY / 86400)


def test_old_log_keys_are_remembered_for_the_auditor_and_believed_no_more() -> None:
    def rooted(version: int, *log_keys: str) -> TrustRoot:
        people = tuple(item for item in trust_root().people if item.name != "log")
        log = Person("log", tuple(key(name).public for name in log_keys))
        return trust_root(version=version, people=(*people, log))

    chain = [signed(rooted(1, "log")), signed(rooted(2, "new-log", "log")), signed(rooted(3, "new-log"))]
    trusted = establish(chain, pin_of(chain[0]))
    assert trusted.root.keys_of(RoleName.LOG) == (key("new-log").public,)
    assert trusted.log_keys == (key("new-log").public, key("log").public)
    assert start(chain[0]).log_keys == (key("log").public,)


def test_another_type_of_document_is_refused() -> None:
    data = sign(canonical(trust_root().to_json()), [key("olga")]).to_bytes()
    with pytest.raises(IntegrityError, match=r"trust root\.payloadType"):
        start(data)


ORIGINAL = signed(trust_root())


@settings(max_examples=200)
@given(st.integers(0, 8 * len(ORIGINAL) - 1))
def test_no_flipped_bit_is_trusted_even_when_it_is_pinned(bit: int) -> None:
    mutated = flipped(ORIGINAL, bit)
    with pytest.raises(IntegrityError):
        start(mutated)
    with pytest.raises(IntegrityError):
        establish([mutated], pin_of(ORIGINAL))


# Each rule is listed, raised and tested once


def rules_of(module: object) -> list[int]:
    return [int(number) for number in re.findall(r"^(\d+)\. ", str(module.__doc__), re.MULTILINE)]


def raised_in(module: object) -> tuple[list[int], list[str]]:
    """Numbers of rules beside ``raise``, and names of the functions that raise without one."""
    source = Path(str(module.__file__)).read_text(encoding="utf-8")  # type: ignore[attr-defined]  # it is a module
    lines = source.splitlines()
    numbers: list[int] = []
    others: list[str] = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Raise):
                    text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                    found = re.findall(r"# rule (\d+)$", text, re.MULTILINE)
                    numbers += map(int, found)
                    others += [] if found else [function.name]
    return numbers, others


def test_the_rules_are_numbered_through() -> None:
    numbers = [*rules_of(trust_document), *rules_of(trust)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("module", [trust, trust_document])
def test_each_rule_is_raised_in_one_place(module: object) -> None:
    numbers, others = raised_in(module)
    assert sorted(numbers) == rules_of(module)
    assert set(others) <= {"person_of", "parse_root", "_key"}, "these say that a document is no document"


def test_each_rule_has_one_test() -> None:
    tests: list[Callable[..., None]] = [value for name, value in globals().items() if name.startswith("test_rule_")]
    numbers = [int(test.__name__.split("_")[2]) for test in tests]
    assert sorted(numbers) == [*rules_of(trust_document), *rules_of(trust)]
