"""Scripts, notebooks and pages by their text, and what lies behind the end of a picture or a table."""

from __future__ import annotations

import re
import struct

from poisonguard.dataset.pickles import begins_pickle, follow, is_pickle
from poisonguard.dataset.sniff import PICKLE, sniff
from poisonguard.domain.filefact import FileKind

SCRIPT_SUFFIXES = {
    ".py": "Python", ".pyw": "Python", ".sh": "shell", ".bash": "shell", ".bat": "Windows", ".cmd": "Windows",
    ".ps1": "PowerShell", ".vbs": "Visual Basic", ".js": "JavaScript", ".mjs": "JavaScript", ".rb": "Ruby",
    ".pl": "Perl", ".php": "PHP", ".lua": "Lua", ".r": "R",
}  # fmt: skip
LOADER = re.compile(
    rb"\b(?:GeneratorBasedBuilder|ArrowBasedBuilder|BeamBasedBuilder|DatasetBuilder)\b|def\s+_(?:generate_examples|split_generators)\b"
)
SHEBANG = re.compile(rb"\A(?:\xef\xbb\xbf)?#!\s?/\S{1,100}")
ACTIVE = re.compile(rb"(?i)<script\b|\bon(?:load|error|click|mouseover)\s*=|javascript:")
PROLOGUE = 4096
"""Bytes in which a page or picture says that it is one."""
PAGES = (
    (re.compile(rb"(?i)<svg\b"), FileKind.ACTIVE_IMAGE, "SVG with a script"),
    (re.compile(rb"(?i)<(?:!doctype html|html|body|head)\b"), FileKind.ACTIVE_PAGE, "HTML with a script"),
)
NOTEBOOK = re.compile(rb'"nbformat"\s*:|"cell_type"\s*:\s*"code"')
CLASS_FILES = {
    b"\xca\xfe\xba\xbe": "Java or macOS",
    b"\xcf\xfa\xed\xfe": "macOS",
    b"\xce\xfa\xed\xfe": "macOS",
    b"\0asm": "WebAssembly",
}
PYC = re.compile(rb"\A.[\x0c-\x10]\r\n[\0-\3]\0\0\0.{8}[c\xe3]", re.DOTALL)
"""Compiled Python: magic number, flags, time and size, then a marshalled code object (PEP 552)."""
PTH = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n\x0b\x0c\x1c-\x1e\x85\xa8\xa9])import[ \t]")
"""A line of a .pth file that Python runs when it starts (module ``site``, which splits at all line ends of Unicode)."""
TAGGED = re.compile(
    rb"!!python/(?:object|name|module)|!<?tag:yaml\.org,2002:python/(?:object|name|module)"
    rb"|(?:^|[\s\[{,])!!\S*%[0-9A-Fa-f]{2}|(?m:^%TAG\s+\S+\s+(?:tag:yaml|\S*%))"
)
"""A YAML tag that makes PyYAML's unsafe loaders call what it names; or one that is spelt so as to hide it."""
YAML = (".yaml", ".yml")

END_OF_ZIP = b"PK\x05\x06"
END_OF_ZIP_SIZE = 22
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
RUNS = {"application/x-elf", "application/x-dosexec", "application/zip", "application/vnd.rar", PICKLE}


Said = tuple[FileKind, str]


def written_as(name: str, head: bytes) -> Said | None:
    """What a text (or a rarer program) is, if it is one that runs."""
    program = "compiled Python" if PYC.match(head) else CLASS_FILES.get(head[:4])
    if program is not None:
        return FileKind.EXECUTABLE, f"a {program} program"
    if name.lower().endswith(YAML) and TAGGED.search(head):
        return FileKind.EXECUTABLE, "YAML that names Python objects to be made"
    for pattern, kind, what in PAGES:
        if pattern.search(head, 0, PROLOGUE):
            return (kind, what) if ACTIVE.search(head) else None
    if NOTEBOOK.search(head) and head.lstrip()[:1] == b"{":
        return FileKind.NOTEBOOK, "a notebook"
    return _script(name, head)


def _script(name: str, head: bytes) -> Said | None:
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if suffix in {".py", ".pyw"} and LOADER.search(head):
        return FileKind.LOADER, "a loading script, which runs when the dataset is loaded"
    if suffix == ".pth" and PTH.search(head):
        return FileKind.EXECUTABLE, "a .pth file, whose import lines run when Python starts"
    if suffix in SCRIPT_SUFFIXES:
        return FileKind.SCRIPT, f"a {SCRIPT_SUFFIXES[suffix]} script"
    return (FileKind.SCRIPT, "a script, by its first line") if SHEBANG.match(head) else None


def trailing_after(kind: str, tail: bytes) -> Said | None:
    """What lies behind the end of a file of ``kind``, whose last bytes are ``tail``: an archive, a program, data."""
    place = tail.rfind(END_OF_ZIP)
    if place >= 0 and _ends_zip(tail[place:]):
        return FileKind.POLYGLOT, f"{kind} that is a ZIP archive, too"
    behind = _behind_picture(kind, tail)
    if not behind:
        return None
    second = _runs(behind)
    if second:
        return FileKind.POLYGLOT, f"{kind} with {second} behind its end"
    # Cameras write further pictures behind a JPEG.
    return (FileKind.TRAILING, f"{len(behind):,} bytes behind the end of {kind}") if kind == "image/png" else None


def _runs(behind: bytes) -> str:
    """What kind of program, archive or pickle the bytes are; nothing if none."""
    second = sniff(behind)
    if second == PICKLE:
        return second if follow(behind).imports else ""
    if second in RUNS:
        return second
    story = follow(behind) if begins_pickle(behind) else None  # one in letters has no magic
    return PICKLE if story is not None and story.imports and is_pickle(story) else ""


def _ends_zip(record: bytes) -> bool:
    """Whether an end-of-central-directory record fills the rest of the file, its comment included."""
    if len(record) < END_OF_ZIP_SIZE:
        return False
    disk, first, here, entries, size, _, comment = struct.unpack("<4H2IH", record[4:END_OF_ZIP_SIZE])
    whole = len(record) - END_OF_ZIP_SIZE == comment
    return bool(whole and disk == first and 0 < here == entries and size > 0)


def _behind_picture(kind: str, tail: bytes) -> bytes:
    if kind == "image/png":
        place = tail.rfind(PNG_END)
        return tail[place + len(PNG_END) :] if place >= 0 else b""
    if kind == "image/jpeg":
        place = tail.rfind(b"\xff\xd9")
        return tail[place + 2 :] if place >= 0 else b""
    return b""
