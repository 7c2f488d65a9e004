"""The listing of a version's files: in shards, streamable, bound by one Merkle root.

An entry is one line, a canonical JSON array: path, size, SHA-256, tree root, format, rows, and for each unit
its rows and digest. The line is a leaf of an RFC 6962 tree whose root is the manifest's ``filesRoot``, so every fact
of every file is bound, and one file is proven in O(log n). A shard holds the lines of ``SHARD_FILES`` files and, beside
them, the chunk leaves of those files that have more than one chunk. As a shard is a perfect subtree, the roots of the
shards give the root of the whole, and each shard is checked on its own: memory is that of one shard.

Rules of reading:

1. The shards' roots give the root, and the counts, that the manifest says.
2. A shard has the root that it is listed under, and exactly its number of lines and leaves, before any entry is used.
3. A line is the canonical spelling of an entry, as the manifest's rules want it: a safe path, no other member.
4. Paths ascend (code points), so that each is there once.
5. The entries' rows and sizes add up to the manifest's; known when all have been read (:meth:`Listing.__iter__`).
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Protocol

from poisonguard.attest.canonical import MAX_INTEGER, canonical, parse
from poisonguard.domain import merkle
from poisonguard.domain.dataset import LEAF, FileEntry, Manifest, Unit, chunk_count
from poisonguard.errors import IntegrityError, UnknownVersion, UsageError

SHARD_FILES = 1024
"""Files in every shard but the last: a power of two, so that a full shard is a perfect subtree."""
MAX_LINES = 64 << 20
"""Bytes of a shard's lines: 64 KiB for each file, which are 900 units; and of its leaves, 32 TiB of files. They bound
the memory that reading takes whatever a bundle claims."""
MAX_LEAVES = 256 << 20
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and separators of lines and paragraphs: Unicode's categories Cc, Zl and Zp, which never change."""
_MEMBERS = 7
_HEX = frozenset("0123456789abcdef")
_COUNT = rb"(0|[1-9][0-9]{0,14})"
_UNIT = re.compile(rb'\[%b,"([0-9a-f]{64})"\],?' % _COUNT)
_PLAIN_LINE = re.compile(
    rb'\["([^"\\\x00-\x1f]+)",%b,"([0-9a-f]{64})","([0-9a-f]{64})","([^"\\\x00-\x1f]+)",%b,'
    rb'\[((?:\[(?:0|[1-9][0-9]{0,14}),"[0-9a-f]{64}"\](?:,(?=\[)|(?=\])))*)\]\]' % (_COUNT, _COUNT)
)
"""The canonical spelling of an entry whose texts need no escapes: nearly every line, told at once. What does not match
is read slowly and by the same rules."""
_ESCAPED = re.compile(r'["\\\x00-\x1f]')


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive files of a listing.

    Attributes:
        lines: One line for each file, ending with a newline.
        leaves: 32 bytes for each chunk of each file that has more than one, in the order of the lines.
    """

    lines: bytes
    leaves: bytes

    @property
    def root(self) -> bytes:
        """Root of the subtree over the lines."""
        return merkle.root(merkle.leaf_hash(line) for line in _split(self.lines))


class Shards(Protocol):
    """Where shards are kept; nothing that it says is believed unchecked."""

    @property
    def roots(self) -> Sequence[bytes]:
        """The root of each shard, in order."""

    def load(self, position: int) -> Shard:
        """The shard at ``position``."""


@dataclass(frozen=True, slots=True)
class HeldShards:
    """Shards in memory."""

    shards: tuple[Shard, ...]

    @property
    def roots(self) -> Sequence[bytes]:
        """The root of each shard, in order."""
        return tuple(shard.root for shard in self.shards)

    def load(self, position: int) -> Shard:
        """The shard at ``position``."""
        return self.shards[position]


@dataclass(frozen=True, slots=True)
class FileProof:
    """That one file is in a version: leads from its entry to the manifest's root.

    Attributes:
        entry: The file.
        index: Its place in the listing, from 0.
        count: Files in the listing.
        hashes: Sibling hashes, lowest first; at most about log2 of ``count``.
    """

    entry: FileEntry
    index: int
    count: int
    hashes: tuple[bytes, ...]

    def holds(self, manifest: Manifest) -> bool:
        """Whether the proof shows the file in the version that ``manifest`` describes."""
        leaf = merkle.leaf_hash(entry_line(self.entry))
        root = bytes.fromhex(manifest.files_root)
        return self.count == manifest.file_count and merkle.verify_inclusion(
            leaf, self.index, self.count, self.hashes, root
        )


class Listing(Collection[FileEntry]):
    """The files of one version, in order of their paths; read shard by shard, each checked before use.

    Args:
        manifest: What the listing must add up to.
        shards: Where its parts are.

    Attributes:
        manifest: What binds the files.
        roots: The root of each shard, in order.

    Raises:
        IntegrityError: Rule 1 is broken.
    """

    def __init__(self, manifest: Manifest, shards: Shards) -> None:
        self.manifest = manifest
        self._shards = shards
        self.roots = tuple(shards.roots)
        wanted = -(-manifest.file_count // SHARD_FILES)
        if len(self.roots) != wanted or merkle.root(self.roots).hex() != manifest.files_root:
            raise IntegrityError("the listing of files is not the manifest's")
        self._opened = lru_cache(maxsize=2)(self._open)

    def __len__(self) -> int:
        return self.manifest.file_count

    def __iter__(self) -> Iterator[FileEntry]:
        return (entry for entry, _ in self.with_leaves())

    def __contains__(self, item: object) -> bool:
        return isinstance(item, FileEntry) and self.find(item.path) == item

    def with_leaves(self) -> Iterator[tuple[FileEntry, bytes]]:
        """Every file with its chunk leaves, which are empty for a file of at most one chunk.

        Raises:
            IntegrityError: A rule of this module is broken; nothing before it was wrong by itself.
        """
        last, rows, size = "", 0, 0
        for position in range(len(self.roots)):
            for entry, leaves in self._opened(position):
                if entry.path <= last:
                    raise IntegrityError("the listing has files out of order, or one twice")
                last, rows, size = entry.path, rows + entry.rows, size + entry.size
                yield entry, leaves
        if (rows, size) != (self.manifest.rows, self.manifest.size):
            raise IntegrityError("the listing adds up to other rows or bytes than the manifest")

    def find(self, path: str) -> FileEntry | None:
        """The file at ``path``, if there is one; reads O(log n) shards."""
        found = self._locate(path)
        return None if found is None else self._opened(found // SHARD_FILES)[found % SHARD_FILES][0]

    def at(self, index: int) -> tuple[FileEntry, bytes]:
        """The file at a place in the listing, from 0, with its chunk leaves; reads one shard."""
        return self._opened(index // SHARD_FILES)[index % SHARD_FILES]

    def leaves_of(self, path: str) -> bytes:
        """The chunk leaves of the file at ``path``: empty when it has at most one chunk.

        Raises:
            UnknownVersion: There is no such file.
        """
        found = self._require(path)
        return self._opened(found // SHARD_FILES)[found % SHARD_FILES][1]

    def prove(self, path: str) -> FileProof:
        """Proof that the file at ``path`` is in the version.

        Raises:
            UnknownVersion: There is no such file.
        """
        index = self._require(path)
        position, inner = divmod(index, SHARD_FILES)
        entries = [entry for entry, _ in self._opened(position)]
        leaves = [merkle.leaf_hash(entry_line(entry)) for entry in entries]
        hashes = merkle.inclusion_proof(leaves, inner) + merkle.inclusion_proof(self.roots, position)
        return FileProof(entries[inner], index, len(self), hashes)

    def shards(self) -> Iterator[Shard]:
        """Every shard, checked, to be kept elsewhere."""
        for position in range(len(self.roots)):
            yield self._checked(position)[0]

    def _require(self, path: str) -> int:
        found = self._locate(path)
        if found is None:
            raise UnknownVersion(f"{path}: no such file in the version")
        return found

    def _locate(self, path: str) -> int | None:
        low, high = 0, len(self.roots)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._opened(middle)[0][0].path <= path else (low, middle)
        entries = [entry.path for entry, _ in self._opened(low)]
        inner = bisect_left(entries, path)
        if inner == len(entries) or entries[inner] != path:
            return None
        return low * SHARD_FILES + inner

    def _open(self, position: int) -> tuple[tuple[FileEntry, bytes], ...]:
        return self._checked(position)[1]

    def _checked(self, position: int) -> tuple[Shard, tuple[tuple[FileEntry, bytes], ...]]:
        # Loaded once: what was checked is what is given, whatever the store says the next time.
        shard = self._shards.load(position)
        lines = _split(shard.lines)
        wanted = min(SHARD_FILES, self.manifest.file_count - position * SHARD_FILES)
        if len(lines) != wanted or shard.root != self.roots[position]:
            raise IntegrityError(f"part {position} of the listing of files was altered")
        entries = [parse_line(line) for line in lines]
        return shard, tuple(zip(entries, _cut(entries, shard.leaves), strict=True))


def list_files(entries: Iterable[tuple[FileEntry, bytes]]) -> Iterator[Shard]:
    """Shards of files that come in order of their paths, each with its chunk leaves.

    Raises:
        UsageError: A file has another number of chunk leaves than its size asks for, or a shard grows too large.
    """
    rest = iter(entries)
    while part := list(islice(rest, SHARD_FILES)):
        lines = b"".join(entry_line(entry) + b"\n" for entry, _ in part)
        shard = Shard(lines, b"".join(_kept(entry, leaves) for entry, leaves in part))
        if len(shard.lines) > MAX_LINES or len(shard.leaves) > MAX_LEAVES:
            hint = "Write fewer row groups, or split the dataset."
            raise UsageError(f"{SHARD_FILES} files from {part[0][0].path} have too many row groups or bytes", hint=hint)
        yield shard


def entry_line(entry: FileEntry) -> bytes:
    """The line of one file: what its leaf in the Merkle tree is made of."""
    texts = (entry.path, entry.sha256, entry.tree_root, entry.format, *(unit.digest for unit in entry.units))
    if _ESCAPED.search("".join(texts)) is None and max(entry.size, entry.rows) <= MAX_INTEGER:
        with suppress(UnicodeEncodeError):
            return _plain_line(entry).encode()
    units = [[unit.rows, unit.digest] for unit in entry.units]
    values = [entry.path, entry.size, entry.sha256, entry.tree_root, entry.format, entry.rows, units]
    return canonical(values)


def _plain_line(entry: FileEntry) -> str:
    """The canonical JSON of an entry whose texts need no escapes: three times as fast as an encoder."""
    units = ",".join([f'[{unit.rows},"{unit.digest}"]' for unit in entry.units])
    facts = f'"{entry.path}",{entry.size},"{entry.sha256}","{entry.tree_root}","{entry.format}",{entry.rows}'
    return f"[{facts},[{units}]]"


def parse_line(line: bytes) -> FileEntry:
    """The file in a line.

    Raises:
        IntegrityError: The line breaks rule 3.
    """
    plain = _PLAIN_LINE.fullmatch(line)
    entry = _careful_entry(line) if plain is None else _plain_entry(plain, line)
    if not is_safe_path(entry.path) or sum([unit.rows for unit in entry.units]) != entry.rows:
        raise _malformed(line)
    return entry


def _plain_entry(found: re.Match[bytes], line: bytes) -> FileEntry:
    path, size, sha256, tree_root, content, rows, units = found.groups()
    try:
        texts = path.decode(), content.decode()
    except UnicodeDecodeError as error:
        raise _malformed(line) from error
    cut = [[int(count), digest.decode()] for count, digest in _UNIT.findall(units)] if units else []
    return FileEntry(texts[0], int(size), sha256.decode(), tree_root.decode(), texts[1], int(rows), _units(cut, line))


def _careful_entry(line: bytes) -> FileEntry:
    values = parse(line, what="a line of the listing")
    if not isinstance(values, list) or len(values) != _MEMBERS:
        raise _malformed(line)
    path, size, sha256, tree_root, content, rows, units = values
    texts = all(isinstance(item, str) and item for item in (path, content))
    if not texts or not all(map(_is_count, (size, rows))) or not all(map(_is_digest, (sha256, tree_root))):
        raise _malformed(line)
    if not isinstance(units, list):
        raise _malformed(line)
    return FileEntry(path, size, sha256, tree_root, content, rows, _units(units, line))


def is_safe_path(path: str) -> bool:
    """Whether ``path`` names something below the root and can be printed."""
    return _UNPRINTABLE.search(path) is None and all(part not in {"", ".", ".."} for part in path.split("/"))


def _units(values: list[Any], line: bytes) -> tuple[Unit, ...]:
    row, units = 0, []
    for value in values:
        if not isinstance(value, list) or len(value) != 2 or not _is_count(value[0]) or not _is_digest(value[1]):  # noqa: PLR2004  rows and digest
            raise _malformed(line)
        units.append(Unit(row, value[0], value[1]))
        row += value[0]
    return tuple(units)


def _split(lines: bytes) -> list[bytes]:
    if not lines.endswith(b"\n"):
        raise IntegrityError("a part of the listing of files is cut off")
    return lines[:-1].split(b"\n")


def _cut(entries: Sequence[FileEntry], leaves: bytes) -> Iterator[bytes]:
    start = 0
    for entry in entries:
        stop = start + _kept_bytes(entry.size)
        yield leaves[start:stop]
        start = stop
    if start != len(leaves):
        raise IntegrityError("a part of the listing of files holds other chunk leaves than its files have")


def _kept(entry: FileEntry, leaves: bytes) -> bytes:
    kept = _kept_bytes(entry.size)
    if len(leaves) not in {kept, LEAF * chunk_count(entry.size)}:
        raise UsageError(f"{entry.path}: {len(leaves)} bytes of chunk leaves do not fit {entry.size} bytes of file")
    return leaves[:kept]


def _kept_bytes(size: int) -> int:
    count = chunk_count(size)
    return LEAF * count if count > 1 else 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 2 * LEAF and _HEX.issuperset(value)


def _malformed(line: bytes) -> IntegrityError:
    return IntegrityError(f"a line of the listing is not a file's: {json.dumps(line[:80].decode(errors='replace'))}")
