"""The next trust root by what changes in the one that is trusted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_project import START, Project
from hypothesis import given
from hypothesis import strategies as st

from poisonguard.attest.keys import Algorithm, PublicKey, generate
from poisonguard.attest.trust import Grant, Person, RoleName, TrustRoot
from poisonguard.errors import ConfigurationError, KeyMaterialError, PoisonguardError, UsageError
from poisonguard.workflow import trust_root
from poisonguard.workflow.trust_changes import TrustChanges, changed, read_changes
from poisonguard.workflow.trust_request import LOG_PERSON, build_root
from poisonguard.workflow.trust_warnings import warnings

YEAR = timedelta(days=365)
NAMES = ("ann", "bob", "carl", "dora", "eva", "finn")
KEYS = {name: generate(Algorithm.ED25519).public for name in (*NAMES, "new", "log")}
ROOT = TrustRoot(
    version=3,
    expires=START,
    people=(*(Person(name, (KEYS[name],)) for name in NAMES), Person(LOG_PERSON, (KEYS["log"],))),
    roles={
        RoleName.ROOT: Grant(("ann", "bob"), 2),
        RoleName.PUBLISHER: Grant(("carl",), 1, ("reviews-*",)),
        RoleName.SCANNER: Grant(("carl", "dora"), 1),
        RoleName.STEWARD: Grant(("eva", "finn"), 2),
        RoleName.LOG: Grant((LOG_PERSON,), 1),
    },
)


def after(root: TrustRoot = ROOT, **changes: Any) -> TrustRoot:
    """The trust root that follows."""
    content = changed(root, TrustChanges(lifetime=YEAR, **changes))
    return build_root(content, root.keys_of(RoleName.LOG), version=root.version + 1, now=START)


def test_without_changes_the_expiry_alone_is_new() -> None:
    assert after() == replace(ROOT, version=4, expires=START + YEAR)


def test_somebody_is_added_and_plays_a_role() -> None:
    root = after(add={"new": (KEYS["new"],)}, grant={RoleName.STEWARD: ("new",), RoleName.REVOKER: ("ann",)})
    assert root.roles[RoleName.STEWARD] == Grant(("eva", "finn", "new"), 2)
    assert root.roles[RoleName.REVOKER] == Grant(("ann",), 1)
    assert root.person_of(KEYS["new"]) == "new"
    assert root.people[:2] == ROOT.people[:2]


def test_somebody_gets_one_more_key_or_another_one() -> None:
    more = after(add={"ann": (KEYS["new"],)})
    assert more.people[0].keys == (KEYS["ann"], KEYS["new"])
    other = after(replace={"ann": (KEYS["new"],)})
    assert other.people[0].keys == (KEYS["new"],)
    assert more.roles == other.roles == ROOT.roles
    both = after(replace={"ann": (KEYS["new"],)}, add={"ann": (KEYS["ann"],)})
    assert both.people[0].keys == (KEYS["new"], KEYS["ann"])


def test_who_is_removed_leaves_every_role() -> None:
    root = after(remove=frozenset({"dora"}))
    assert "dora" not in [person.name for person in root.people]
    assert root.roles[RoleName.SCANNER] == Grant(("carl",), 1)


def test_a_role_that_nobody_plays_is_gone() -> None:
    with_revoker = after(grant={RoleName.REVOKER: ("ann",)})
    assert RoleName.REVOKER not in after(with_revoker, withdraw={RoleName.REVOKER: ("ann",)}).roles
    with pytest.raises(ConfigurationError, match="nobody plays the role publisher"):
        after(remove=frozenset({"carl"}))


def test_who_leaves_a_role_stays_and_is_warned_of_when_it_was_the_last() -> None:
    root = after(withdraw={RoleName.SCANNER: ("dora",)})
    assert "dora" in [person.name for person in root.people]
    assert "dora: in the trust root without a role" in warnings(root)
    assert not any("without a role" in text for text in warnings(ROOT))


def test_a_threshold_is_never_lowered_in_passing() -> None:
    with pytest.raises(ConfigurationError, match="role steward has threshold 2"):
        after(remove=frozenset({"finn"}))
    root = after(remove=frozenset({"finn"}), thresholds={RoleName.STEWARD: 1})
    assert root.roles[RoleName.STEWARD] == Grant(("eva",), 1)


def test_datasets_stay_unless_they_are_named() -> None:
    assert after(grant={RoleName.PUBLISHER: ("dora",)}).roles[RoleName.PUBLISHER].datasets == ("reviews-*",)
    root = after(datasets=("a-*", "b"))
    limited = {role for role, grant in root.roles.items() if grant.datasets == ("a-*", "b")}
    assert limited == {RoleName.PUBLISHER, RoleName.SCANNER, RoleName.STEWARD}


def test_two_kinds_of_signatures_are_asked_for_from_now_on() -> None:
    second = generate(Algorithm("ml-dsa-65")).public
    root = after(add={"carl": (second,)}, post_quantum=frozenset({RoleName.PUBLISHER}))
    assert root.roles[RoleName.PUBLISHER].post_quantum
    assert after(root).roles == root.roles


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"remove": frozenset({"zoe"})}, "nobody in the trust root is called 'zoe'"),  # rule 2
        ({"remove": frozenset({LOG_PERSON})}, "nobody in the trust root is called 'registry-log'"),
        ({"remove": frozenset({"ann"}), "add": {"ann": (KEYS["new"],)}}, "ann is removed and given a key"),  # rule 3
        ({"remove": frozenset({"ann"}), "replace": {"ann": (KEYS["new"],)}}, "ann is removed and given a key"),
        ({"replace": {"zoe": (KEYS["new"],)}}, "nobody in the trust root is called 'zoe'"),  # rule 4
        ({"withdraw": {RoleName.STEWARD: ("ann",)}}, "ann does not play the role steward"),  # rule 5
        ({"withdraw": {RoleName.LOG: (LOG_PERSON,)}}, "registry-log does not play the role log"),
        ({"grant": {RoleName.LOG: ("ann",)}}, "given to the registry's own key"),
        ({"add": {LOG_PERSON: (KEYS["new"],)}}, "given to the registry's own key"),
        ({"grant": {RoleName.STEWARD: ("zoe",)}}, "role steward names somebody unknown: zoe"),
        ({"grant": {RoleName.STEWARD: ("eva",)}}, "role steward names somebody twice: eva"),
        ({"add": {"new": (KEYS["ann"],)}}, "is listed twice"),
        ({"add": {"ANN": (KEYS["new"],)}}, "names that look the same"),
        ({"thresholds": {RoleName.TRAINER: 1}}, "something is asked of the role trainer, which nobody plays"),
        ({"post_quantum": frozenset({RoleName.TRAINER})}, "something is asked of the role trainer"),
        ({"post_quantum": frozenset({RoleName.ROOT})}, "role root is postQuantum and takes 2"),
    ],
)
def test_changes_that_do_not_fit_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises((UsageError, ConfigurationError), match=why):
        after(**changes)


some_names = st.sets(st.sampled_from([*NAMES, "new"]), max_size=2)
some_roles = st.dictionaries(st.sampled_from(sorted(set(RoleName) - {RoleName.LOG})), some_names.map(tuple), max_size=2)


@given(remove=some_names, grant=some_roles, withdraw=some_roles, added=st.booleans())
def test_changes_take_away_and_give_what_they_name_and_nothing_else(
    remove: set[str], grant: dict[RoleName, tuple[str, ...]], withdraw: dict[RoleName, tuple[str, ...]], *, added: bool
) -> None:
    add: dict[str, tuple[PublicKey, ...]] = {"new": (KEYS["new"],)} if added else {}
    try:
        root = after(remove=frozenset(remove), grant=grant, withdraw=withdraw, add=add)
    except PoisonguardError:
        return
    for role in RoleName:
        expected = (ROOT.in_role(role) - remove - set(withdraw.get(role, ()))) | set(grant.get(role, ()))
        assert root.in_role(role) == expected
        if role in ROOT.roles and expected:
            assert root.threshold(role) == ROOT.threshold(role)
    names = {person.name for person in ROOT.people}
    assert {person.name for person in root.people} == (names - remove) | add.keys()


# The options


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.start(tmp_path / "project")


def test_options_are_read(project: Project) -> None:
    ann, bob = (f"{name}={project.key(name)}.pub" for name in ("ann", "bob"))
    changes = read_changes(
        lifetime=YEAR,
        add=[ann],
        replace=[bob],
        remove=["carl"],
        grant=["Steward=ann, bob", "steward=eva"],
        withdraw=["root=carl"],
        thresholds=["steward=2"],
        datasets=["a-*"],
        post_quantum=["root"],
    )
    assert changes == TrustChanges(
        lifetime=YEAR,
        add={"ann": (project.keys["ann"].public,)},
        replace={"bob": (project.keys["bob"].public,)},
        remove=frozenset({"carl"}),
        grant={RoleName.STEWARD: ("ann", "bob", "eva")},
        withdraw={RoleName.ROOT: ("carl",)},
        thresholds={RoleName.STEWARD: 2},
        datasets=("a-*",),
        post_quantum=frozenset({RoleName.ROOT}),
    )


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"add": ["ann"]}, UsageError, "--add-person ann: not NAME=PUBFILE"),
        ({"add": ["ann=nowhere.pub"]}, KeyMaterialError, "nowhere.pub cannot be read"),
        ({"replace": ["=x"]}, UsageError, "--replace-key =x: not NAME=PUBFILE"),
        ({"grant": ["king=ann"]}, UsageError, "no role is called 'king'"),
        ({"grant": ["steward"]}, UsageError, "--add-role steward: not ROLE="),
        ({"withdraw": ["steward="]}, UsageError, "--remove-role steward=: not ROLE="),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, list[str]], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        read_changes(lifetime=YEAR, **options)


def test_the_next_trust_root_by_changes_is_followed(project: Project) -> None:
    changes = TrustChanges(lifetime=YEAR, remove=frozenset({"bob"}))
    with project.workspace as workspace:
        with workspace.registry.read() as reader:
            before = workspace.newest_root(reader).root
        root, data = trust_root.next_root(workspace, changes, [project.keys["olga"]], START)
        trusted = trust_root.update(workspace, data)
    assert trusted.root == root
    assert {person.name for person in before.people} - {person.name for person in root.people} == {"bob"}
    assert root.keys_of(RoleName.LOG) == before.keys_of(RoleName.LOG)
