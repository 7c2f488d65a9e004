"""Files and cells that run, hide or break out of something: told from what ``dataset.filelook`` saw, tables or not.

1. Default-deny: what runs by being loaded or opened, is made to deceive, or cannot be looked through, is an error; what
   runs when somebody starts it, or goes on beyond our bounds, a warning; what is ordinary in some datasets (web pages
   with scripts), a note.
2. Each file is a finding of its own, so that it can be waived by itself, up to ``MOST_ALONE`` of a kind; more are one.
3. The name of a finding holds what was seen: a waiver does not excuse a file that imports something else by now.
4. Cells of binary columns are looked into by the same rules (``unsafe_cells``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from poisonguard.detectors.unsafe_cells import CellKinds, CellLook, UnsafeCells, binary_columns
from poisonguard.domain.filefact import FileFact, FileKind
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.wording import count
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params, RowScorer
from poisonguard.sketches.base import Sketch

MOST_ALONE = 10
FEW = 5
LONGEST_DETAIL = 400
LEVELS = {
    FileKind.CODE_PICKLE: Level.ERROR,
    FileKind.EXECUTABLE: Level.ERROR,
    FileKind.LOADER: Level.ERROR,
    FileKind.ESCAPE: Level.ERROR,
    FileKind.BOMB: Level.ERROR,
    FileKind.POLYGLOT: Level.ERROR,
    FileKind.UNSEEN: Level.ERROR,
    FileKind.UNFINISHED: Level.WARNING,
    FileKind.DATA_PICKLE: Level.WARNING,
    FileKind.SCRIPT: Level.WARNING,
    FileKind.NOTEBOOK: Level.WARNING,
    FileKind.MACRO: Level.ERROR,
    FileKind.ACTIVE_IMAGE: Level.WARNING,
    FileKind.ENCRYPTED: Level.ERROR,
    FileKind.ACTIVE_PAGE: Level.NOTE,
    FileKind.TRAILING: Level.NOTE,
}
CONFIDENCE = {Level.ERROR: 0.98, Level.WARNING: 0.9, Level.NOTE: 0.5}


class UnsafeFilesParams(Params):
    """It has none: default-deny is not a matter of degree."""


class UnsafeFiles(Check[UnsafeFilesParams]):
    """Finds files and cells that are no data."""

    detector = "unsafe-files"
    params_model = UnsafeFilesParams
    _cells: CellKinds | None = None

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Nothing of the rows, but what their binary cells are."""
        binary = binary_columns(context)
        self._cells = CellKinds(binary) if binary else None
        return [self._cells] if self._cells else []

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """By kind; an approved version does not make a pickle safe."""
        del reference
        for kind in FileKind:
            facts = [fact for fact in evidence.files.kept if fact.kind is kind]
            total = evidence.files.counts.get(kind, 0)
            if total > MOST_ALONE:
                yield self._together(facts, total, evidence.files.files)
            else:
                yield from self._alone(facts)

    def scorer(self, evidence: Evidence, reference: Evidence | None) -> RowScorer | None:
        """A search for the cells that are more than data; an approved version does not make these safe either."""
        del reference
        if self._cells is None or not evidence[self._cells].num_rows:
            return None
        return CellLook(self._cells.binary, evidence[self._cells], self._in_cells)

    def _in_cells(self, found: UnsafeCells) -> Finding:
        level = LEVELS[found.kind]
        return self.finding(
            subject=f"cells={found.kind};column={found.column}",
            message=(
                f"{count(found.cells, 'cell')} {'is' if found.cells == 1 else 'are'} among the {found.kind}, one of "
                f"them in column {found.column} ({_short(found.detail)}); the first row is {found.rows[0]:,}."
            ),
            confidence=CONFIDENCE[level],
            level=level,
            compared_with="cells that hold nothing but data",
            column=found.column,
            numbers={"cells": found.cells, "rows": len(found.rows)},
            rows=found.rows,
            row_count=len(found.rows),
        )

    def _alone(self, facts: Sequence[FileFact]) -> Iterator[Finding]:
        """One finding for each file; what else was seen in it is counted."""
        for path in dict.fromkeys(fact.path for fact in facts):
            mine = [fact for fact in facts if fact.path == path]
            more = f", and {count(len(mine) - 1, 'other place')} in it" if len(mine) > 1 else ""
            yield self._told(
                mine[0].kind,
                subject=f"{mine[0].kind}={path}#{_seen(mine, len(mine))}",
                message=f"1 file is among the {mine[0].kind}: {path} ({_short(mine[0].detail)}{more}).",
                path=path,
                numbers={"places": len(mine)},
            )

    def _together(self, facts: Sequence[FileFact], total: int, files: int) -> Finding:
        named = "; ".join(f"{fact.path} ({_short(fact.detail)})" for fact in facts[:FEW])
        return self._told(
            facts[0].kind,
            subject=f"{facts[0].kind}#{_seen(facts, total)}",
            message=f"{total:,} places in {files:,} files are {facts[0].kind}, among them {named}.",
            path=facts[0].path,
            numbers={"places": total, "files": files},
        )

    def _told(self, kind: FileKind, *, subject: str, message: str, path: str, numbers: dict[str, int]) -> Finding:
        level = LEVELS[kind]
        return self.finding(
            subject=subject,
            message=message,
            confidence=CONFIDENCE[level],
            level=level,
            compared_with="files that hold nothing but data",
            path=path,
            numbers=numbers,
        )


def _seen(facts: Sequence[FileFact], total: int) -> str:
    """A name for what was seen, where and how often."""
    text = "\0".join([str(total), *(f"{fact.path}\0{fact.detail}" for fact in facts)])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]


def _short(detail: str) -> str:
    return detail if len(detail) <= LONGEST_DETAIL else f"{detail[:LONGEST_DETAIL]}…"
