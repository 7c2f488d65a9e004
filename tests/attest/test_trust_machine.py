"""Whatever the attacker does, in whatever order: nobody is believed who does not have enough keys.

A client holds a pinned trust root and takes what it is given. The honest side goes on publishing; the attacker
steals keys, and makes of everything ever seen what it likes. After each step the machine compares with the ground
truth of the simulator.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from simulator import ATTACKERS, NOW, World, flipped, key, relabelled, spliced, trust_root, without

from poisonguard.attest.canonical import canonical
from poisonguard.attest.envelope import Envelope, sign
from poisonguard.attest.trust import (
    PAYLOAD_TYPE,
    Grant,
    Person,
    RoleName,
    TrustedRoot,
    TrustRoot,
    establish,
    open_envelope,
    pin_of,
)
from poisonguard.errors import ConfigurationError, IntegrityError

HONEST = ("p0", "p1", "p2", "p3")
EVERYBODY = (*HONEST, "mallory", "mallory-2")
KEYS = {name: (name, f"{name}-b", f"{name}+pq") if name in HONEST else (name,) for name in EVERYBODY}
STEALABLE = sorted(item for name in HONEST for item in KEYS[name])


def document(version: int, members: Sequence[str], threshold: int, *, post_quantum: bool) -> TrustRoot:
    """A trust root in which ``members`` play root; everybody is one of the people."""
    base = trust_root()
    people = tuple(Person(name, tuple(key(item).public for item in KEYS[name])) for name in EVERYBODY)
    roles = {**base.roles, RoleName.ROOT: Grant(tuple(members), threshold, post_quantum=post_quantum)}
    others = tuple(item for item in base.people if item.name != "olga")
    return TrustRoot(version, base.expires, (*others, *people), roles)


grants = st.tuples(st.lists(st.sampled_from(HONEST), min_size=1, unique=True), st.integers(1, 3), st.booleans()).map(
    lambda drawn: (drawn[0], min(drawn[1], len(drawn[0])), drawn[2])
)
attackers_grants = st.tuples(
    st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=4, unique=True), st.integers(1, 3), st.booleans()
)
picks = st.integers(0, 10**6)


def enough(grant: Grant) -> list[str]:
    """Names of keys with which just as many people as it takes sign."""
    each = (0, 2) if grant.post_quantum else (0,)
    return [KEYS[name][index] for name in grant.people[: grant.threshold] for index in each]


class Follow(RuleBasedStateMachine):
    """One client, one attacker, one honest chain."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.seen: list[bytes] = []
        self.lost = False

    @initialize(grant=grants)
    def begin(self, grant: tuple[list[str], int, bool]) -> None:
        members, threshold, both = grant
        root = document(1, members, threshold, post_quantum=both)
        self.seen.append(self.world.publish_root(root, *enough(root.roles[RoleName.ROOT])))
        self.client = TrustedRoot.start(self.seen[0], pin_of(self.seen[0]))

    # the honest side

    @rule(grant=grants)
    def rotate(self, grant: tuple[list[str], int, bool]) -> None:
        old, (members, threshold, both) = self.world.roots[-1], grant
        new = document(old.version + 1, members, threshold, post_quantum=both)
        names = {*enough(old.roles[RoleName.ROOT]), *enough(new.roles[RoleName.ROOT])}
        self.seen.append(self.world.publish_root(new, *sorted(names)))

    @rule()
    def follow_the_honest_chain(self) -> None:
        """Nothing that the attacker does keeps a client from following, once it is given what it needs."""
        behind = not self.lost and self.client.root.version < len(self.world.chain)
        if behind:
            version = self.client.root.version
            self.deliver_bytes(self.world.chain[version])
            assert self.client.root.version == version + 1

    # the attacker

    @rule(name=st.sampled_from(STEALABLE))
    def steal(self, name: str) -> None:
        self.world.steal(name)

    @rule(
        grant=attackers_grants,
        ahead=st.integers(-1, 2),
        names=st.sets(st.sampled_from(sorted({*STEALABLE, *ATTACKERS}))),
    )
    def forge(self, grant: tuple[list[str], int, bool], ahead: int, names: set[str]) -> None:
        members, threshold, both = grant
        hands = sorted(names & set(self.world.hands)) or ["mallory"]
        try:
            root = document(max(1, self.client.root.version + ahead), members, threshold, post_quantum=both)
        except ConfigurationError:
            return
        self.seen.append(self.world.forge(root, hands))

    @rule(place=picks)
    def cosign(self, place: int) -> None:
        self.seen.append(self.world.cosign(self.picked(place), self.world.hands).to_bytes())

    @rule(words=picks, names=picks)
    def splice(self, words: int, names: int) -> None:
        self.seen.append(spliced(self.picked(words), self.picked(names)).to_bytes())

    @rule(place=picks, name=st.sampled_from(STEALABLE), other=st.sampled_from(STEALABLE))
    def relabel(self, place: int, name: str, other: str) -> None:
        self.seen.append(relabelled(self.picked(place), {name: other}).to_bytes())

    @rule(place=picks, name=st.sampled_from(STEALABLE))
    def drop_a_signature(self, place: int, name: str) -> None:
        rest = without(self.picked(place), name)
        if rest.signatures:
            self.seen.append(rest.to_bytes())

    @rule(place=picks)
    def repeat_a_signature(self, place: int) -> None:
        envelope = self.picked(place)
        self.give(replace(envelope, signatures=(*envelope.signatures, envelope.signatures[0])).to_bytes())

    @rule(place=picks, change=st.sampled_from(["version", "expires", "roles"]))
    def edit(self, place: int, change: str) -> None:
        """Other words under the same signatures."""
        envelope = self.picked(place)
        words = json.loads(envelope.payload)
        edits = {
            "version": {"version": self.client.root.version + 1},
            "expires": {"expires": "2099-01-01T00:00:00Z"},
            "roles": {"roles": [item | {"threshold": 1} for item in words["roles"]]},
        }
        edited = replace(envelope, payload=canonical(words | edits[change]))
        self.give(edited.to_bytes())

    @rule(place=picks)
    def say_it_as_a_statement(self, place: int) -> None:
        words = self.picked(place).payload
        said = sign(words, [key(name) for name in self.world.hands])
        self.give(said.to_bytes())
        self.give(Envelope(words, PAYLOAD_TYPE, said.signatures).to_bytes())

    @rule(place=picks, bit=picks)
    def flip(self, place: int, bit: int) -> None:
        self.give(flipped(self.seen[place % len(self.seen)], bit))

    @rule(place=picks, length=picks)
    def truncate(self, place: int, length: int) -> None:
        data = self.seen[place % len(self.seen)]
        self.give(data[: length % len(data)])

    @rule(place=picks)
    def deliver(self, place: int) -> None:
        self.give(self.seen[place % len(self.seen)])

    @rule(places=st.lists(picks, max_size=6), pin=picks)
    def start_anew(self, places: list[int], pin: int) -> None:
        """Another client, with the pin of an honest version, gets a chain of the attacker's choosing."""
        honest = self.world.chain[pin % len(self.world.chain)]
        chain = [self.seen[place % len(self.seen)] for place in places]
        try:
            trusted = establish(chain, pin_of(honest))
        except IntegrityError:
            return
        stepwise = TrustedRoot.start(honest, pin_of(honest))
        for data in chain[chain.index(honest) + 1 :]:
            stepwise = self.checked_step(stepwise, data)
        assert trusted == stepwise

    @precondition(lambda self: self.world.may_speak_for(self.client.root, RoleName.ROOT))
    @rule()
    def take_over(self) -> None:
        """With enough keys the attacker is believed: so the refusals above are for want of keys."""
        mine = document(self.client.root.version + 1, ["mallory"], 1, post_quantum=False)
        self.give(self.world.forge(mine, self.world.hands))
        assert self.client.root == mine

    # what must hold

    def picked(self, place: int) -> Envelope:
        return open_envelope(self.seen[place % len(self.seen)])

    def give(self, data: bytes) -> None:
        try:
            self.deliver_bytes(data)
        except IntegrityError:
            return

    def deliver_bytes(self, data: bytes) -> None:
        self.client = self.checked_step(self.client, data)
        self.lost = self.lost or self.client.root not in self.world.roots

    def checked_step(self, before: TrustedRoot, data: bytes) -> TrustedRoot:
        after = before.update(data)
        assert after.root.version == before.root.version + 1
        assert after.digest == pin_of(data)
        assert after.root in self.world.roots or self.world.may_speak_for(before.root, RoleName.ROOT)
        return after

    @invariant()
    def the_clients_root_is_honest_unless_it_was_taken_over(self) -> None:
        if self.world.roots and not self.lost:
            assert self.client.root == self.world.roots[self.client.root.version - 1]
            self.client.check_time(NOW)


TestFollow = Follow.TestCase
TestFollow.settings = settings(max_examples=120, stateful_step_count=40)
