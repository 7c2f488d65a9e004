"""An honest world and its attacker, in memory: who may do what, what was said, and what the attacker makes of it.

The honest side publishes trust roots, statements and checkpoints. The attacker sees all of them, and can drop, replay,
reorder, relabel, truncate and splice them, sign with keys of its own and with every key it has stolen, and nothing
else: a forged signature of an honest key is beyond it, as it is beyond anybody.

:meth:`World.may_speak_for` is the ground truth that code under test is held against. It looks at no signature: it
counts people by the names of the keys that were stolen, which the code under test never sees.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from poisonguard.attest.checkpoint import Checkpoint, sign_checkpoint
from poisonguard.attest.envelope import Envelope, Signature, add_signatures, sign
from poisonguard.attest.keys import Algorithm, PrivateKey, generate
from poisonguard.attest.statement import Statement
from poisonguard.attest.trust import Grant, Person, RoleName, TrustRoot
from poisonguard.domain import merkle

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ORIGIN = "poisonguard/simulated"
ATTACKERS = frozenset({"mallory", "mallory-2", "mallory-log"})
"""Keys that are the attacker's own."""


def _algorithm(name: str) -> Algorithm:
    if name.endswith("+pq"):
        return Algorithm("ml-dsa-65")
    return Algorithm.ED25519 if name.endswith("log") else Algorithm.P256


@cache
def key(name: str) -> PrivateKey:
    """The key of that name, made once: what is tested is never which bytes it has."""
    return generate(_algorithm(name))


def person(name: str, *more: str) -> Person:
    """Somebody with a key of their own name, and more."""
    return Person(name, tuple(key(item).public for item in (name, *more)))


def trust_root(*, version: int = 1, **changes: object) -> TrustRoot:
    """A trust root in which everybody has one key and each role takes one."""
    everybody = ("ann", "bob", "ci", "olga", "log", "pub")
    roles = {
        RoleName.ROOT: Grant(("olga",), 1),
        RoleName.PUBLISHER: Grant(("pub",), 1),
        RoleName.SCANNER: Grant(("ci",), 1),
        RoleName.STEWARD: Grant(("ann", "bob"), 1),
        RoleName.LOG: Grant(("log",), 1),
    }
    root = TrustRoot(version, NOW + 365 * DAY, tuple(person(name) for name in everybody), roles)
    return replace(root, **changes)  # type: ignore[arg-type]  # a test changes what it likes


def council(*names: str, threshold: int, version: int = 1, **keys: tuple[str, ...]) -> TrustRoot:
    """A trust root in which ``names`` play the role root; ``keys`` gives somebody more keys than one."""
    base = trust_root()
    others = tuple(item for item in base.people if item.name not in names and item.name != "olga")
    people = (*others, *(person(name, *keys.get(name, ())) for name in names))
    return TrustRoot(version, base.expires, people, {**base.roles, RoleName.ROOT: Grant(names, threshold)})


def signed(root: TrustRoot, *names: str) -> bytes:
    """The document, signed with keys of those names; by olga when none is given."""
    return root.sign([key(name) for name in names or ("olga",)]).to_bytes()


@dataclass
class World:
    """What honest people have said, and what the attacker has stolen.

    Attributes:
        roots: Honest trust roots, oldest first.
        chain: The same, signed.
        log: Honest statements, in the order of the log.
        stolen: Names of honest keys that the attacker has.
    """

    roots: list[TrustRoot] = field(default_factory=list)
    chain: list[bytes] = field(default_factory=list)
    log: list[Envelope] = field(default_factory=list)
    stolen: set[str] = field(default_factory=set)

    # the honest side

    def publish_root(self, root: TrustRoot, *names: str) -> bytes:
        """The next honest trust root, signed by those named."""
        data = signed(root, *names)
        self.roots.append(root)
        self.chain.append(data)
        return data

    def say(self, statement: Statement, *names: str) -> Envelope:
        """A statement, signed and logged."""
        envelope = sign(statement.payload(), [key(name) for name in names])
        self.log.append(envelope)
        return envelope

    def leaves(self, log: Sequence[Envelope] | None = None) -> list[bytes]:
        """Leaf hashes of the honest log, or of another."""
        return [merkle.leaf_hash(item.to_bytes()) for item in (self.log if log is None else log)]

    def checkpoint(self, *, size: int | None = None, signer: str = "log") -> bytes:
        """An honest checkpoint, of now or of when the log had ``size`` statements."""
        leaves = self.leaves(self.log[:size])
        return sign_checkpoint(Checkpoint(ORIGIN, len(leaves), merkle.root(leaves)), key(signer))

    # the attacker

    def steal(self, name: str) -> None:
        """The attacker has got hold of a key."""
        self.stolen.add(name)

    @property
    def hands(self) -> list[str]:
        """Names of all keys that the attacker can sign with."""
        return sorted(self.stolen | ATTACKERS)

    def forge(self, root: TrustRoot, names: Iterable[str]) -> bytes:
        """A trust root of the attacker's, signed with keys that the attacker has."""
        return signed(root, *self._allowed(names))

    def forge_statement(self, statement: Statement, names: Iterable[str]) -> Envelope:
        """A statement of the attacker's."""
        return sign(statement.payload(), [key(name) for name in self._allowed(names)])

    def cosign(self, data: Envelope, names: Iterable[str]) -> Envelope:
        """Somebody's envelope with signatures of the attacker's added."""
        return add_signatures(data, [key(name) for name in self._allowed(names)])

    def fork(self, log: Sequence[Envelope], signer: str) -> bytes:
        """A checkpoint of another log, under the honest log's name."""
        self._allowed([signer])
        leaves = self.leaves(log)
        return sign_checkpoint(Checkpoint(ORIGIN, len(leaves), merkle.root(leaves)), key(signer))

    def may_speak_for(self, root: TrustRoot, role: RoleName) -> bool:
        """Ground truth: whether the attacker has keys of as many people as the role takes."""
        grant = root.roles[role]
        able = [item.name for item in root.people if item.name in grant.people and self._owns(item, grant)]
        return len(able) >= grant.threshold

    def _owns(self, who: Person, grant: Grant) -> bool:
        bad = {key(name).public.keyid: name.endswith("+pq") for name in self.hands}
        kinds = {bad[item.keyid] for item in who.keys if item.keyid in bad}
        return len(kinds) == 2 if grant.post_quantum else len(kinds) > 0

    def _allowed(self, names: Iterable[str]) -> list[str]:
        wanted = list(names)
        beyond = set(wanted) - self.stolen - ATTACKERS
        if beyond:
            raise AssertionError(f"the attacker does not have {sorted(beyond)}")
        return wanted


def spliced(envelope: Envelope, *others: Envelope) -> Envelope:
    """The payload of one envelope under the signatures of all of them; the first one's stay where key ids meet."""
    found = {item.keyid: item for other in (*others, envelope) for item in other.signatures}
    return replace(envelope, signatures=tuple(found[keyid] for keyid in sorted(found)))


def relabelled(envelope: Envelope, claims: dict[str, str]) -> Envelope:
    """Signatures that claim to be by other keys; ``claims`` leads from names of keys to names of keys."""
    ids = {key(name).public.keyid: key(other).public.keyid for name, other in claims.items()}
    signatures = {ids.get(item.keyid, item.keyid): item.sig for item in envelope.signatures}
    return replace(envelope, signatures=tuple(Signature(keyid, signatures[keyid]) for keyid in sorted(signatures)))


def without(envelope: Envelope, *names: str) -> Envelope:
    """Some signatures dropped."""
    gone = {key(name).public.keyid for name in names}
    return replace(envelope, signatures=tuple(item for item in envelope.signatures if item.keyid not in gone))


def flipped(data: bytes, bit: int) -> bytes:
    """One bit changed, counted from the start; past the end, from the start again."""
    place, inner = divmod(bit % (8 * len(data)), 8)
    return data[:place] + bytes([data[place] ^ 1 << inner]) + data[place + 1 :]
