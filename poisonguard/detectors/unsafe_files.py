"""Files that run, hide or break out of something: told from what ``dataset.filelook`` saw in each, tables or not.

1. What runs by being loaded, or is made to deceive, is an error; what runs when somebody starts it, a warning; what is
   ordinary in some datasets (web pages with scripts), a note.
2. Each file is a finding of its own, so that it can be waived by itself, up to ``MOST_ALONE`` of a kind; more are one.
3. The name of a finding holds what was seen: a waiver does not excuse a file that imports something else by now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from poisonguard.domain.filefact import FileFact, FileKind
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.wording import count
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
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
    FileKind.UNSEEN: Level.WARNING,
    FileKind.DATA_PICKLE: Level.WARNING,
    FileKind.SCRIPT: Level.WARNING,
    FileKind.NOTEBOOK: Level.WARNING,
    FileKind.MACRO: Level.WARNING,
    FileKind.ACTIVE_IMAGE: Level.WARNING,
    FileKind.ENCRYPTED: Level.WARNING,
    FileKind.ACTIVE_PAGE: Level.NOTE,
    FileKind.TRAILING: Level.NOTE,
}
CONFIDENCE = {Level.ERROR: 0.98, Level.WARNING: 0.9, Level.NOTE: 0.5}


class UnsafeFilesParams(Params):
    """It has none: default-deny is not a matter of degree."""


class UnsafeFiles(Check[UnsafeFilesParams]):
    """Finds files that are no data."""

    detector = "unsafe-files"
    params_model = UnsafeFilesParams

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Nothing of the rows."""
        del context
        return []

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
