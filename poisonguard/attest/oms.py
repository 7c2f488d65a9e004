"""What an OpenSSF Model Signing 1.0 bundle says: an in-toto statement with the digest of every file.

(https://github.com/ossf/model-signing-spec, ``spec/v1.0.md`` §5-6 and §8.3.) Rules of reading:

1. The payload is strict JSON (``canonical.parse_foreign``) with the four members of an in-toto statement, the OMS
   predicate type, and exactly one subject, whose digests are hex and include the SHA-256 root digest.
2. The predicate has exactly ``resources`` and ``serialization``, the latter no unknown member; ``shard_size`` is
   there exactly when the method is ``shards``.
3. There is at least one resource. Its name is a plain relative path, or ``.`` when it is the only one, which is how
   ``model_signing`` names a dataset of one file; its algorithm is the ``hash_type``, its digest hex of that length.
   (``model_signing`` calls the algorithm of shards ``sha256-sharded-SIZE``, which the schema does not know: accepted.)
4. No file is there twice. The shards of a file follow each other from byte 0, each ``shard_size`` long but the last.
5. Paths to ignore are plain relative paths without pattern characters.
6. The root digest is the SHA-256 of the resources' digests in the order they are in. It does not bind their names;
   ``dirHash1`` does (in-toto's digest for Go's ``h1:``, in hex), and when it is there it is that of the resources.
7. What poisonguard wrote names the version (``VERSION``) and how its digests were made (``HASH_PROFILE``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from poisonguard.attest.canonical import canonical, parse_foreign
from poisonguard.attest.fields import Fields
from poisonguard.attest.listing import is_safe_path
from poisonguard.attest.oms_bundle import MAX_BUNDLE_BYTES
from poisonguard.attest.statement import STATEMENT_TYPE
from poisonguard.errors import IntegrityError, NothingToScan

PREDICATE = "https://model_signing/signature/v1.0"
VERSION = "poisonguardVersion"
HASH_PROFILE = "poisonguardHashProfile"
DEFAULT_IGNORED = (".git", ".gitattributes", ".github", ".gitignore")
"""What every implementation of OMS leaves out unless it is told otherwise (§6.2)."""
WHAT = "OMS statement"
SINGLE = "."
"""How ``model_signing`` names the file of a dataset that is one file; the specification wants the file's name."""

_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_PATTERN = frozenset("*?[")
_RANGE = re.compile(r"(?s)(.+):(\d{1,16}):(\d{1,16})", re.ASCII)


class Method(StrEnum):
    """How files become resources."""

    FILES = "files"
    SHARDS = "shards"


class Hash(StrEnum):
    """How resources are hashed."""

    SHA256 = "sha256"
    BLAKE2B = "blake2b"
    BLAKE3 = "blake3"

    @property
    def digits(self) -> int:
        """Hex digits of a digest."""
        return 128 if self is Hash.BLAKE2B else 64


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a file's bytes, beginning where the last one ends; ``end`` is nothing where the file ends."""

    end: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class OmsStatement:
    """What was signed.

    Attributes:
        subject: Name of the dataset, for people.
        root_digest: Hex SHA-256 over all digests.
        version: Name of the version, when poisonguard signed it: the signer's word, see ``hash_profile``.
        hash_profile: How the manifest behind ``version`` was hashed.
        method: How files became resources.
        hash_type: How they were hashed.
        files: Every file in the order of the statement, with its pieces in order.
        ignored: Paths that the signer left out.
    """

    subject: str
    root_digest: str
    version: str | None
    hash_profile: str | None
    method: Method
    hash_type: Hash
    files: dict[str, tuple[Piece, ...]]
    ignored: tuple[str, ...]

    def leaves_out(self, path: str) -> bool:
        """Whether the signer left ``path`` out; what is listed is never left out, whatever else is said."""
        return path not in self.files and any(path == item or path.startswith(f"{item}/") for item in self.ignored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the digests to sign come from.

    Attributes:
        subject: Name of the dataset, for people.
        version: Name of its version.
        hash_profile: How the manifest behind the version was hashed.
        ignored: Paths that were left out of it.
    """

    subject: str
    version: str
    hash_profile: str
    ignored: tuple[str, ...] = ()


def payload_of(files: Iterable[tuple[str, str]], origin: Origin) -> bytes:
    """The payload to sign: files as (path, hex SHA-256).

    Raises:
        NothingToScan: There are none.
    """
    ordered = sorted(files)
    if not ordered:
        raise NothingToScan(f"{origin.subject}: no files", hint="An empty dataset is never signed.")
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [
                {
                    "name": origin.subject,
                    "digest": {"sha256": root_digest(sha256 for _, sha256 in ordered), "dirHash1": dir_hash(ordered)},
                    "annotations": {VERSION: origin.version, HASH_PROFILE: origin.hash_profile},
                }
            ],
            "predicateType": PREDICATE,
            "predicate": {
                "resources": [{"name": path, "digest": digest, "algorithm": "sha256"} for path, digest in ordered],
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                    "ignore_paths": list(origin.ignored),
                },
            },
        }
    )


def root_digest(digests: Iterable[str]) -> str:
    """OMS' root digest: hex SHA-256 over the raw digests in order (§6.5.1)."""
    total = hashlib.sha256()
    for digest in digests:
        total.update(bytes.fromhex(digest))
    return total.hexdigest()


def dir_hash(files: Iterable[tuple[str, str]]) -> str:
    """in-toto's ``dirHash1`` of files as (path, hex SHA-256): Go's ``h1:`` directory hash, in hex.

    It is the SHA-256 of what ``sha256sum`` prints for the files in order of their names; names are bound.
    (https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash#Hash1)
    """
    total = hashlib.sha256()
    for path, sha256 in sorted(files):
        total.update(f"{sha256}  {path}\n".encode())
    return total.hexdigest()


def parse_payload(payload: bytes) -> OmsStatement:
    """Read a payload whose signature has been checked.

    Raises:
        IntegrityError: A rule of this module is broken.
    """
    fields = Fields(parse_foreign(payload, what=WHAT, limit=MAX_BUNDLE_BYTES), WHAT)
    fields.literal("_type", STATEMENT_TYPE)
    kind = fields.text("predicateType")
    if kind != PREDICATE:
        raise fields.refusal(f"has the predicate type {kind[:80]!r}, not {PREDICATE}")
    subjects = fields.items("subject", _subject)
    predicate = Fields(fields.take("predicate"), f"{WHAT}.predicate")
    fields.done()
    if len(subjects) != 1:
        raise fields.refusal("has not exactly one subject")
    serialization = _serialization(Fields(predicate.take("serialization"), f"{WHAT}.serialization"))
    resources = predicate.items("resources", serialization.resource)
    predicate.done()
    (subject,) = subjects
    return _statement(subject, serialization, resources)


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    digests: dict[str, str]
    version: str | None
    hash_profile: str | None


@dataclass(frozen=True, slots=True)
class _Resource:
    path: str
    start: int
    end: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class _Serialization:
    method: Method
    hash_type: Hash
    shard_size: int
    ignored: tuple[str, ...] | None

    @property
    def algorithms(self) -> frozenset[str]:
        """How resources name the algorithm: as the specification has it, or shards as ``model_signing`` writes them."""
        theirs = [f"{self.hash_type}-sharded-{self.shard_size}"] if self.method is Method.SHARDS else []
        return frozenset([self.hash_type, *theirs])

    def resource(self, value: Any, where: str) -> _Resource:
        """Read one resource; members beyond the three are allowed and ignored (§5.2.1)."""
        fields = Fields(value, where)
        name, digest = fields.text("name"), fields.text("digest")
        if fields.text("algorithm") not in self.algorithms:
            raise fields.refusal(f"has another algorithm than the hash_type {self.hash_type}")
        if len(digest) != self.hash_type.digits or not _HEX.fullmatch(digest):
            raise fields.refusal(f"has a digest that is not {self.hash_type} in lower-case hex")
        if self.method is Method.FILES:
            return _Resource(_path(name, fields), 0, None, digest)
        found = _RANGE.fullmatch(name)
        if found is None:
            raise fields.refusal("has a name that is not of the form path:start:end")
        return _Resource(_path(found[1], fields), int(found[2]), int(found[3]), digest)


def _statement(subject: _Subject, serialization: _Serialization, resources: Sequence[_Resource]) -> OmsStatement:
    if not resources:
        raise IntegrityError(f"{WHAT} lists no file", hint="An empty dataset is never a pass.")
    if subject.digests["sha256"] != root_digest(item.digest for item in resources):
        raise IntegrityError(f"{WHAT}: the root digest is not that of the files it lists")
    files = _files(resources, serialization)
    if SINGLE in files and len(files) != 1:
        raise IntegrityError(f"{WHAT} lists {SINGLE!r} beside other files")
    _check_dir_hash(subject, serialization, files)
    return OmsStatement(
        subject=subject.name,
        root_digest=subject.digests["sha256"],
        version=subject.version,
        hash_profile=subject.hash_profile,
        method=serialization.method,
        hash_type=serialization.hash_type,
        files=files,
        ignored=_ignored(subject, serialization),
    )


def _files(resources: Sequence[_Resource], serialization: _Serialization) -> dict[str, tuple[Piece, ...]]:
    """The pieces of each file; rule 4."""
    pieces: dict[str, list[_Resource]] = {}
    for item in resources:
        pieces.setdefault(item.path, []).append(item)
    for path, items in pieces.items():
        items.sort(key=lambda item: item.start)
        if not _follow(items, serialization):
            raise IntegrityError(f"{WHAT} lists {path[:200]!r} twice, or with a gap or an overlap")
    return {path: tuple(Piece(item.end, item.digest) for item in items) for path, items in pieces.items()}


def _follow(items: Sequence[_Resource], serialization: _Serialization) -> bool:
    if serialization.method is Method.FILES:
        return len(items) == 1
    size = serialization.shard_size
    begins = all(item.start == index * size for index, item in enumerate(items))
    ends = [item.end or 0 for item in items]
    last = ends.pop() - items[-1].start
    return begins and 0 < last <= size and all(end == (index + 1) * size for index, end in enumerate(ends))


def _check_dir_hash(subject: _Subject, serialization: _Serialization, files: dict[str, tuple[Piece, ...]]) -> None:
    claimed = subject.digests.get("dirHash1")
    if claimed is None or serialization.method is not Method.FILES or serialization.hash_type is not Hash.SHA256:
        return
    if claimed != dir_hash((path, piece.digest) for path, (piece,) in files.items()):
        raise IntegrityError(f"{WHAT}: dirHash1 is not that of the files it lists")


def _ignored(subject: _Subject, serialization: _Serialization) -> tuple[str, ...]:
    """What may lie beside the files: what the statement says, and OMS' defaults unless we wrote it (§6.2.1)."""
    defaults = () if subject.version is not None else DEFAULT_IGNORED
    return tuple(sorted({*(serialization.ignored or ()), *defaults}))


def _subject(value: Any, where: str) -> _Subject:
    fields = Fields(value, where)
    name, digests = fields.text("name"), fields.take("digest")
    notes = fields.take("annotations") if fields.has("annotations") else {}
    if not isinstance(digests, dict) or "sha256" not in digests:
        raise fields.refusal("has no sha256 digest")
    if not all(isinstance(item, str) and _HEX.fullmatch(item) for item in digests.values()):
        raise fields.refusal("has a digest that is not lower-case hex")
    annotations = Fields(notes, f"{where}.annotations")
    if not annotations.has(VERSION):
        return _Subject(name, digests, None, None)
    return _Subject(name, digests, annotations.version(VERSION), annotations.text(HASH_PROFILE))


def _serialization(fields: Fields) -> _Serialization:
    method, hash_type = fields.choice("method", Method), fields.choice("hash_type", Hash)
    if not isinstance(fields.take("allow_symlinks"), bool):
        raise fields.refusal("has an allow_symlinks that is not true or false")
    size = fields.integer("shard_size", minimum=1) if method is Method.SHARDS else 0
    ignored = fields.texts("ignore_paths") if fields.has("ignore_paths") else None
    fields.done()
    if ignored is not None:
        ignored = tuple(_ignore_path(item, fields) for item in ignored)
    return _Serialization(method, hash_type, size, ignored)


def _path(name: str, fields: Fields) -> str:
    if name != SINGLE and not is_safe_path(name):
        raise fields.refusal(f"has a name that is not a plain relative path: {name[:80]!r}")
    return name


def _ignore_path(name: str, fields: Fields) -> str:
    path = name.removesuffix("/")
    if not is_safe_path(path) or _PATTERN & set(path):
        raise fields.refusal(f"has a path to ignore that is not plain and relative: {name[:80]!r}")
    return path
