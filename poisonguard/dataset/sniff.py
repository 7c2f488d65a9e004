"""What a file is, by its content; the name is only compared with it.

Rules:

1. The format comes from magic bytes, or for text from its first complete lines. Names are not believed.
2. A name that declares a table (``.parquet``, ``.csv.gz`` ...) over other content is an error that names both.
3. A pickle is called a pickle whatever its name.
4. Plain text is read as CSV only where the name declares it, or where the user names that very file and it
   clearly is a table: prose has commas too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from poisonguard.dataset.names import shown
from poisonguard.errors import UnreadableData

HEAD_BYTES = 64 << 10
"""How much of a file is looked at."""

PARQUET, ARROW, ARROW_STREAM, CSV, JSONL, JSON = "parquet", "arrow", "arrow-stream", "csv", "jsonl", "json"
TABLES = frozenset({PARQUET, ARROW, ARROW_STREAM, CSV, JSONL, JSON})
EMPTY, TEXT, BINARY, PICKLE, DOCUMENT = "empty", "text/plain", "application/octet-stream", "pickle", "json-document"
UTF16 = "text/utf-16"

DECLARED = {
    ".parquet": PARQUET, ".parq": PARQUET, ".pq": PARQUET,
    ".csv": CSV, ".tsv": CSV, ".psv": CSV, ".tab": CSV,
    ".jsonl": JSONL, ".ndjson": JSONL, ".jsonlines": JSONL,
    ".json": JSON,
    ".arrow": ARROW, ".arrows": ARROW, ".feather": ARROW, ".ipc": ARROW,
}  # fmt: skip
COMPRESSED = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}

ACCEPTED = {
    PARQUET: {PARQUET},
    ARROW: {ARROW, ARROW_STREAM},
    CSV: {TEXT},
    JSONL: {JSONL, DOCUMENT},
    JSON: {JSON, JSONL, DOCUMENT},
}
"""Contents that a declared table may have."""

MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PAR1", PARQUET),
    (0, b"PARE", "parquet (encrypted)"),
    (0, b"ARROW1\0\0", ARROW),
    (0, b"FEA1", "feather (version 1)"),
    (0, b"\xff\xff\xff\xff", ARROW_STREAM),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"BM", "image/bmp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x93NUMPY", "application/x-npy"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (0, b"Obj\x01", "application/avro"),
    (0, b"ORC", "application/orc"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "application/ogg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"MZ", "application/x-dosexec"),
    (0, b"\xff\xfe", UTF16),
    (0, b"\xfe\xff", UTF16),
)
COMPRESSION_OF = {
    "application/gzip": "gzip",
    "application/zstd": "zstd",
    "application/x-bzip2": "bzip2",
    "application/x-xz": "xz",
}
TEXTUAL_PICKLE = re.compile(rb"\A(\(?c[\w.]+\n[\w.]+\n|\((lp|dp)\d+\n|[(\]}][ld]p\d+\n)")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


HINTS = {
    PICKLE: "Loading a pickle runs the code in it: export the data to Parquet, CSV or JSON Lines.",
    DOCUMENT: "JSON is read as an array of objects, JSON Lines as one object on each line.",
    UTF16: "Convert the file to UTF-8.",
    TEXT: "If it is CSV, name it .csv and name the columns in its first row.",
    "application/zip": "Unpack the archive; a spreadsheet, save as CSV.",
    "application/x-tar": "Unpack the archive.",
    "application/gzip": "Name it after what is in it (.csv.gz, .parquet.gz ...), or unpack it.",
    "application/zstd": "Name it after what is in it (.csv.zst, .parquet.zst ...), or unpack it.",
    BINARY: "Parquet, CSV, JSON Lines, JSON, Arrow and picture files are scanned; others can be signed, not scanned.",
}
"""What to do with content that holds no table."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a name says: a table format or nothing, and a compression or nothing."""

    table: str | None
    compression: str | None
    suffix: str


def declared(path: str) -> Declaration:
    """What the name of ``path`` says of its content."""
    suffixes = _suffixes(path)
    compression = COMPRESSED.get(suffixes[-1]) if suffixes else None
    inner = suffixes[:-1] if compression else suffixes
    table = DECLARED.get(inner[-1]) if inner else None
    return Declaration(table, compression, "".join(suffixes[-2:] if compression else suffixes[-1:]))


def _suffixes(path: str) -> list[str]:
    """What ``pathlib`` calls suffixes, in small letters; it takes ten times as long."""
    name = path[path.rfind("/") + 1 :].lower()
    return [] if name.endswith(".") else [f".{part}" for part in name.lstrip(".").split(".")[1:]]


def sniff(head: bytes) -> str:
    """Format of the content that starts with ``head`` (all of it, or ``HEAD_BYTES``)."""
    if not head:
        return EMPTY
    for offset, magic, name in MAGIC:
        if head.startswith(magic, offset):
            return name
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:  # noqa: PLR2004 - the PROTO opcode and its versions
        return PICKLE
    if TEXTUAL_PICKLE.match(head):
        return PICKLE
    return BINARY if CONTROL.search(head) else _text(head)


def _text(head: bytes) -> str:
    """Which text: an array of objects, an object per line, one object, or anything else."""
    body = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if re.match(rb"\[\s*(\{|\]|\Z)", body):
        return JSON
    if not re.match(rb"\{\s*[\"}]", body):
        return TEXT
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > 1 and (_is_object(lines[0]) or len(lines[0]) >= HEAD_BYTES // 2):
        return JSONL
    return DOCUMENT


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def table_format(path: str, content: str) -> str:
    """Format under which a file is listed and read.

    Args:
        path: The file's path.
        content: What ``sniff`` says of its (decompressed) bytes.

    Raises:
        UnreadableData: The name declares a table and the content is something else.
    """
    table = declared(path).table
    if content == EMPTY or table is None:
        return content
    if content not in ACCEPTED[table]:
        raise wrong_extension(path, content)
    if table == CSV:
        return CSV
    if table == JSONL:
        return JSONL
    return content


def wrong_extension(path: str, content: str) -> UnreadableData:
    """The error for a name that says one thing and bytes that say another."""
    said = declared(path)
    hint = "Rename the file after what it holds, or replace it."
    if content == UTF16:
        hint = HINTS[UTF16]
    elif content == TEXT and said.table in {JSON, JSONL}:
        hint = HINTS[DOCUMENT]
    return UnreadableData(f"{shown(path)}: named {said.suffix} but the content is {content}", hint=hint)


def unreadable_hint(formats: Sequence[str]) -> str:
    """What to do with files of which none holds a table."""
    return next((HINTS[kind] for kind in formats if kind in HINTS), HINTS[BINARY])
