"""A bundle: one portable file with everything that the gate needs offline.

Its first line, the head, is canonical JSON: the chain of trust roots, the statements of one version with their places
in the log and proofs that they are in it, the log's checkpoint, and a table of shards. After the line come the shards
of the version's listing of files, byte for byte; they are read one at a time, so that a bundle may be larger than
memory. A bundle proves nothing by itself; the gate believes only what the pinned trust root vouches for.
Rules of reading:

1. The head is at most ``MAX_BYTES`` of canonical JSON of the one media type, no unknown member, ended by a newline.
2. At least one trust root and at least one statement; at most ``MAX_ROOTS`` and ``MAX_STATEMENTS``.
3. Statements are in the order of the log, no place twice; proofs are at most 64 hashes of 32 bytes.
4. The shards end where the file ends; none claims more than ``MAX_LINES`` and ``MAX_LEAVES`` bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from poisonguard.attest import trust
from poisonguard.attest.canonical import MAX_BYTES, canonical, parse
from poisonguard.attest.envelope import Envelope, envelope_from_json, parse_envelope
from poisonguard.attest.fields import Fields
from poisonguard.attest.listing import MAX_LEAVES, MAX_LINES, HeldShards, Shards
from poisonguard.attest.shardfile import HeldBytes, Place, PlacedShards, Span
from poisonguard.attest.strict_base64 import decode_base64, encode_base64
from poisonguard.domain.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from poisonguard.errors import IntegrityError

MEDIA_TYPE = "application/vnd.poisonguard.bundle.v1+json"
MAX_ROOTS = 1024
MAX_STATEMENTS = 10_000
MAX_PROOF = 64
BLOCK = 1 << 20
NO_SHARDS = HeldShards(())


@dataclass(frozen=True, slots=True)
class LoggedStatement:
    """A statement and the proof that it is in the log.

    Attributes:
        envelope: The statement as it is logged: ``envelope.to_bytes()`` is the leaf's data.
        index: Its place in the log, from 0.
        proof: Inclusion proof for the bundle's checkpoint, lowest hash first.
    """

    envelope: Envelope
    index: int
    proof: tuple[bytes, ...]

    def is_in(self, size: int, root: bytes) -> bool:
        """Whether the proof shows the statement in the log of ``size`` leaves under ``root``."""
        return verify_inclusion(leaf_hash(self.envelope.to_bytes()), self.index, size, self.proof, root)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that the gate needs offline.

    Attributes:
        trust_roots: Envelopes of the trust root, oldest first, as their files' bytes.
        checkpoint: Signed note of the log.
        statements: Statements of one version, and the newest list of revocations, in the order of the log; either
            may travel without the other.
        shards: Listing of the version's files; checked against the manifest by whoever reads it.
    """

    trust_roots: tuple[bytes, ...]
    checkpoint: bytes
    statements: tuple[LoggedStatement, ...]
    shards: Shards = NO_SHARDS


def parts(bundle: Bundle) -> Iterator[bytes]:
    """The bundle as a file's bytes, part by part.

    Raises:
        IntegrityError: A trust root is malformed, or the checkpoint is not text.
    """
    loaded = range(len(bundle.shards.roots))
    sizes = [(len(shard.lines), len(shard.leaves)) for shard in map(bundle.shards.load, loaded)]
    head = {
        "mediaType": MEDIA_TYPE,
        "trustRoots": [trust.open_envelope(data).to_json() for data in bundle.trust_roots],
        "checkpoint": _text(bundle.checkpoint),
        "statements": [_statement_to_json(item) for item in bundle.statements],
        "shards": [
            {"root": root.hex(), "lines": lines, "leaves": leaves}
            for root, (lines, leaves) in zip(bundle.shards.roots, sizes, strict=True)
        ],
    }
    yield canonical(head) + b"\n"
    for position in loaded:
        shard = bundle.shards.load(position)
        yield shard.lines
        yield shard.leaves


def dump(bundle: Bundle) -> bytes:
    """The bundle as a file's bytes.

    Raises:
        IntegrityError: A trust root is malformed, or the checkpoint is not text.
    """
    return b"".join(parts(bundle))


def load(data: bytes) -> Bundle:
    """The bundle in a file's bytes; nothing in it is trusted yet.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    return load_span(HeldBytes(data), len(data))


def load_span(span: Span, size: int) -> Bundle:
    """The bundle in ``size`` bytes of ``span``; its shards are read later. Nothing in it is trusted yet.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    head = _head(span, size)
    fields = Fields(parse(head, what="bundle", limit=MAX_BYTES), "bundle")
    fields.literal("mediaType", MEDIA_TYPE)
    bundle = Bundle(
        trust_roots=fields.items("trustRoots", _trust_root),
        checkpoint=fields.text("checkpoint").encode(),
        statements=fields.items("statements", _statement),
        shards=PlacedShards(span, _places(fields.items("shards", _extent), len(head) + 1, size)),
    )
    fields.done()
    _check(bundle)
    return bundle


def logged(envelope: bytes, index: int, proof: Sequence[bytes]) -> LoggedStatement:
    """A logged statement from a stored envelope's bytes.

    Raises:
        IntegrityError: The envelope is malformed.
    """
    return LoggedStatement(parse_envelope(envelope), index, tuple(proof))


def _check(bundle: Bundle) -> None:
    if not 0 < len(bundle.trust_roots) <= MAX_ROOTS:
        raise IntegrityError(f"the bundle holds {len(bundle.trust_roots)} trust roots, not 1 to {MAX_ROOTS}")
    if not 0 < len(bundle.statements) <= MAX_STATEMENTS:
        raise IntegrityError(f"the bundle holds {len(bundle.statements)} statements, not 1 to {MAX_STATEMENTS}")
    places = [item.index for item in bundle.statements]
    if places != sorted(set(places)):
        raise IntegrityError("the bundle's statements are out of order, or one is there twice")


def _head(span: Span, size: int) -> bytes:
    head = bytearray()
    while len(head) < min(size, MAX_BYTES + 1):
        part = span.read_at(len(head), BLOCK)
        line, newline, _ = part.partition(b"\n")
        head += line
        if newline:
            return bytes(head)
        if not part:
            break
    raise IntegrityError("the bundle has no head: its first line does not end")


def _places(extents: Sequence[tuple[bytes, int, int]], start: int, size: int) -> tuple[Place, ...]:
    places: list[Place] = []
    for root, lines, leaves in extents:
        places.append(Place(root, start, lines, leaves))
        start = places[-1].end
    if start != size:
        raise IntegrityError(f"the bundle is {size} bytes long, but says {start}")
    return tuple(places)


def _extent(value: Any, where: str) -> tuple[bytes, int, int]:
    fields = Fields(value, where)
    extent = bytes.fromhex(fields.digest("root")), fields.integer("lines"), fields.integer("leaves")
    fields.done()
    if extent[1] > MAX_LINES or extent[2] > MAX_LEAVES:
        raise fields.refusal("is larger than a part of a listing can be")
    return extent


def _statement_to_json(item: LoggedStatement) -> dict[str, Any]:
    proof = [encode_base64(node) for node in item.proof]
    return {"envelope": item.envelope.to_json(), "index": item.index, "proof": proof}


def _statement(value: Any, where: str) -> LoggedStatement:
    fields = Fields(value, where)
    envelope = envelope_from_json(fields.take("envelope"), what=f"{where}.envelope")
    statement = LoggedStatement(envelope, fields.integer("index"), fields.items("proof", _hash))
    fields.done()
    if len(statement.proof) > MAX_PROOF:
        raise fields.refusal("has a proof that is too long")
    return statement


def _hash(value: Any, where: str) -> bytes:
    node = decode_base64(value, where) if isinstance(value, str) else b""
    if len(node) != HASH_SIZE:
        raise IntegrityError(f"{where} is not a SHA-256")
    return node


def _trust_root(value: Any, where: str) -> bytes:
    return envelope_from_json(value, payload_type=trust.PAYLOAD_TYPE, what=where).to_bytes()


def _text(note: bytes) -> str:
    try:
        return note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IntegrityError("the checkpoint is not UTF-8") from error
