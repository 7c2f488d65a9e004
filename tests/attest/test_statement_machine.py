"""Whatever the attacker does with statements and checkpoints, nobody is quoted who did not sign.

And nothing is in the log that was not logged, unless the keys for it were stolen.
"""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from simulator import NOW, ORIGIN, World, flipped, relabelled, spliced, trust_root, without

from poisonguard.attest.checkpoint import Checkpoint, open_checkpoint
from poisonguard.attest.envelope import Envelope, parse_envelope
from poisonguard.attest.evidence import Unentitled, open_signed
from poisonguard.attest.predicates_v1 import RejectionDocument, statement_of
from poisonguard.attest.statement import Statement
from poisonguard.attest.trust import Grant, RoleName
from poisonguard.domain import merkle
from poisonguard.errors import IntegrityError

NAMES = ("ann", "bob", "pub", "olga")
ROOT = replace(trust_root(), roles={**trust_root().roles, RoleName.STEWARD: Grant(("ann", "bob"), 1, ("reviews",))})
names = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
datasets = st.sampled_from(["reviews", "prices"])
picks = st.integers(0, 10**6)


def rejection(dataset: str, number: int) -> Statement:
    document = RejectionDocument(
        dataset=dataset,
        version=f"pg1:{number:064x}",
        manifest_statement="0" * 64,
        scan_statements=("1" * 64,),
        policy_digest="2" * 64,
        reason="labels are flipped",
        created=NOW,
        nonce=f"{number:032x}",
    )
    return statement_of(document)


class Quote(RuleBasedStateMachine):
    """Statements by honest people; a reader; an attacker who re-uses and steals."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.seen: list[Envelope] = []
        self.notes: list[bytes] = []
        self.said: dict[bytes, set[str]] = {}

    @initialize(who=names)
    def begin(self, who: list[str]) -> None:
        self.say(who, "reviews")
        self.sign_the_log()

    # the honest side

    @rule(who=names, dataset=datasets)
    def say(self, who: list[str], dataset: str) -> None:
        envelope = self.world.say(rejection(dataset, len(self.seen)), *who)
        self.said[envelope.payload] = set(who)
        self.seen.append(envelope)
        result = open_signed(envelope, ROOT)
        stewards = {"ann", "bob"} & set(who) if dataset == "reviews" else set()
        assert isinstance(result, Unentitled) == (not stewards)
        assert isinstance(result, Unentitled) or set(result.people) == stewards

    @rule()
    def sign_the_log(self) -> None:
        self.notes.append(self.world.checkpoint())
        checkpoint = open_checkpoint(self.notes[-1], ROOT.keys_of(RoleName.LOG), origin=ORIGIN)
        assert checkpoint.size == len(self.world.log)

    # the attacker

    @rule(name=st.sampled_from([*NAMES, "log"]))
    def steal(self, name: str) -> None:
        self.world.steal(name)

    @rule(dataset=datasets, who=st.sets(st.sampled_from(NAMES)))
    def forge(self, dataset: str, who: set[str]) -> None:
        hands = sorted(who & self.world.stolen) or ["mallory"]
        self.read(self.world.forge_statement(rejection(dataset, 10**6 + len(self.seen)), hands))

    @rule(place=picks)
    def cosign(self, place: int) -> None:
        self.read(self.world.cosign(self.picked(place), [it for it in self.world.hands if not it.endswith("log")]))

    @rule(words=picks, by=picks)
    def splice(self, words: int, by: int) -> None:
        self.read(spliced(self.picked(words), self.picked(by)))

    @rule(place=picks, name=st.sampled_from(NAMES), other=st.sampled_from(NAMES))
    def relabel(self, place: int, name: str, other: str) -> None:
        self.read(relabelled(self.picked(place), {name: other}))

    @rule(place=picks, name=st.sampled_from(NAMES))
    def drop(self, place: int, name: str) -> None:
        self.read(without(self.picked(place), name))

    @rule(place=picks, bit=picks)
    def flip(self, place: int, bit: int) -> None:
        self.read_bytes(flipped(self.picked(place).to_bytes(), bit))

    @rule(place=picks)
    def reorder(self, place: int) -> None:
        envelope = self.picked(place)
        self.read(replace(envelope, signatures=envelope.signatures[::-1]))

    @rule(logged=st.lists(picks, min_size=1, max_size=5))
    def fork(self, logged: list[int]) -> None:
        """Another log under the honest one's name."""
        signer = "log" if "log" in self.world.stolen else "mallory-log"
        self.notes.append(self.world.fork([self.picked(place) for place in logged], signer))

    @rule(note=picks, bit=picks)
    def flip_a_note(self, note: int, bit: int) -> None:
        self.notes.append(flipped(self.notes[note % len(self.notes)], bit))

    @rule(words=picks, by=picks)
    def splice_notes(self, words: int, by: int) -> None:
        text = self.notes[words % len(self.notes)].partition(b"\n\n")[0]
        line = self.notes[by % len(self.notes)].partition(b"\n\n")[2]
        self.notes.append(text + b"\n\n" + line)

    # what must hold

    def picked(self, place: int) -> Envelope:
        return self.seen[place % len(self.seen)]

    def read(self, envelope: Envelope) -> None:
        self.read_bytes(envelope.to_bytes())

    def read_bytes(self, data: bytes) -> None:
        """Whoever is quoted signed these very words, or lost a key."""
        try:
            envelope = parse_envelope(data)
            result = open_signed(envelope, ROOT)
        except IntegrityError:
            return
        self.seen.append(envelope)
        if not isinstance(result, Unentitled):
            honest = self.said.get(envelope.payload, set())
            assert set(result.people) <= honest | self.world.stolen
            assert result.document.dataset == "reviews"

    @rule(note=picks, statement=picks, index=picks)
    def look_for_inclusion(self, note: int, statement: int, index: int) -> None:
        """Under a believed checkpoint, a proof from any log leads to nothing but what was logged."""
        envelope = self.picked(statement)
        checkpoint = self.believed(note)
        if checkpoint is None:
            return
        log = [*self.world.log[: checkpoint.size - 1], envelope]
        for leaves in (self.world.leaves()[: checkpoint.size], self.world.leaves(log)):
            place = index % len(leaves)
            proof = merkle.inclusion_proof(leaves, place)
            leaf = merkle.leaf_hash(envelope.to_bytes())
            if merkle.verify_inclusion(leaf, place, checkpoint.size, proof, checkpoint.root):
                assert envelope in self.world.log or "log" in self.world.stolen

    @precondition(lambda self: "log" not in self.world.stolen)
    @rule(note=picks)
    def look_at_a_note(self, note: int) -> None:
        """A believed checkpoint is of a prefix of the honest log."""
        checkpoint = self.believed(note)
        if checkpoint is not None:
            leaves = self.world.leaves()[: checkpoint.size]
            assert (checkpoint.size, checkpoint.root) == (len(leaves), merkle.root(leaves))

    def believed(self, note: int) -> Checkpoint | None:
        try:
            return open_checkpoint(self.notes[note % len(self.notes)], ROOT.keys_of(RoleName.LOG), origin=ORIGIN)
        except IntegrityError:
            return None


TestQuote = Quote.TestCase
TestQuote.settings = settings(max_examples=60, stateful_step_count=40)
