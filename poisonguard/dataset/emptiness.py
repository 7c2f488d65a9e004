"""Refuse what holds nothing to scan, and say what stands out in it all the same.

Empty means refuse: no files, only empty files, no rows, no table. Where there are files but no rows, no check runs; so
that nobody learns only "no table" of a folder of pickles, the error tells what was found in the files.
"""

from __future__ import annotations

from collections.abc import Iterator

from poisonguard.dataset.datafiles import DataFiles
from poisonguard.dataset.names import shown
from poisonguard.dataset.sniff import EMPTY, unreadable_hint
from poisonguard.domain.filefact import FileFacts, FileKind
from poisonguard.domain.wording import count
from poisonguard.errors import NothingToScan

KINDS_TOLD = 3
"""Formats, and kinds of facts, that fit on a line."""
REFUSED = "An empty dataset is never a pass; check the path."


def refuse_nothing(location: str, files: DataFiles) -> None:
    """Do nothing when there is something.

    Raises:
        NothingToScan: There are only empty files, or tables without a row.
    """
    if files.others[EMPTY] == len(files):
        what = f"{shown(files[0].path)}: an empty file" if len(files) == 1 else f"{location}: only empty files"
        raise NothingToScan(what, hint=REFUSED)
    if files.tables and not files.tables.any_rows:
        raise NothingToScan(f"{location}: no rows", hint=REFUSED)


def tableless(location: str, files: DataFiles) -> NothingToScan:
    """The error for files of which none holds a row."""
    kinds = sorted(files.others.keys() - {EMPTY})
    listed = ", ".join(kinds[:KINDS_TOLD]) + (" ..." if len(kinds) > KINDS_TOLD else "")
    what = f"{shown(files[0].path)}: no table to scan ({listed})"
    if len(files) > 1:
        what = f"{location}: no table to scan in {count(len(files), 'file')} ({listed})"
    return NothingToScan("; ".join([what, *_standing_out(files.facts.facts())]), hint=unreadable_hint(kinds))


def _standing_out(facts: FileFacts) -> Iterator[str]:
    """What stands out, gravest first: of each kind how many, and one of them."""
    found = [kind for kind in FileKind if facts.counts.get(kind)]
    for kind in found[:KINDS_TOLD]:
        first = next(fact for fact in facts.kept if fact.kind is kind)
        detail = f" ({shown(first.detail)})" if first.detail else ""
        yield f"{kind.value}: {facts.counts[kind]:,}, such as {shown(first.path)}{detail}"
    if len(found) > KINDS_TOLD:
        yield f"{len(found) - KINDS_TOLD} more kinds"
