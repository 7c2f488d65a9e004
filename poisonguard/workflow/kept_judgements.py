"""When judgements of an earlier scan may be used, and what names their subject.

Rules:

1. Only those in the user's own store, where nobody else can write; never in one that was named, for others put there.
2. Not where states are audited: who asks for that doubts what was kept.
3. Not of a table in memory, nor where a check, a sketch or the reference is not named by what it is.
4. What checks are given is listed here, field by field: where a field is new to this list, nothing is kept.
5. The policy decides on findings after they were found, so it is no part of the subject; nor are workers and engines,
   which change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields

import pyarrow as pa
import pyarrow.ipc

from poisonguard.domain.wording import count
from poisonguard.engine.codeversion import is_covered, judging_version
from poisonguard.engine.judgements import Judgements, subject_of
from poisonguard.plugin.check import Context, Evidence
from poisonguard.plugin.holdout import Holdout
from poisonguard.workflow.scan_plan import Prepared
from poisonguard.workflow.scan_run import Run

NAMED = frozenset(
    {"name", "columns", "rows", "seed", "states", "identity", "roles", "has_reference", "contract"}
    | {"reference_columns", "holdouts", "embedder", "has_history"}
)
"""Fields of what checks are given that are in the subject's name."""
IMPLIED = frozenset({"files", "told", "history"})
"""Fields that ``identity`` speaks for: a version's bytes, what was told of it, and those before it."""
WITHOUT_EFFECT = frozenset({"run", "near", "worked_out"})
"""Fields that change no result."""


def kept_judgements(run: Run, ready: Prepared, evidence: Evidence) -> Judgements | None:
    """Judgements of the very same, if there may be any."""
    kept = run.kept
    if kept is None or kept.store.shared or kept.audited:
        return None
    if not isinstance(run.request.data, str) or not all(map(is_covered, ready.planned.sketches)):
        return None
    if not all_known(Evidence, Context):
        return None
    sides = (evidence,) if ready.base is None else (evidence, ready.base)
    if not all(side.identity for side in sides):
        return None
    facts = (judging_version(), _of_context(ready.context), [_of_side(side) for side in sides])
    return Judgements(kept.store, subject_of(*facts), ready.planned.checks)


def all_known(*given: type[Evidence | Context]) -> bool:
    """Whether every field of what checks are given is listed here."""
    return {item.name for kind in given for item in fields(kind)} <= NAMED | IMPLIED | WITHOUT_EFFECT


def remarks_on(kept: Judgements | None) -> Iterable[str]:
    """What to tell of judgements that the disk has spoilt."""
    if kept is not None and kept.spoilt:
        yield f"judging: done again because it was spoilt: {count(kept.spoilt, 'judgement')} of your cache"


def _of_side(side: Evidence) -> list[object]:
    """A version by its name, what sentences call it, and which sketches there are of it."""
    return [side.identity, side.name, repr(side.columns), side.rows, str(side.seed), sorted(side.states)]


def _of_context(context: Context) -> list[object]:
    embedder = context.embedder
    return [
        repr(context.columns),
        repr(context.roles),
        context.has_reference,
        context.has_history,
        context.contract,
        list(context.reference_columns),
        [_of_holdout(holdout) for holdout in context.holdouts],
        None if embedder is None else [embedder.name, embedder.digest, embedder.reads],
    ]


def _of_holdout(holdout: Holdout) -> list[object]:
    """An evaluation set by its texts: which these are, what its columns were said to mean decides, too."""
    sink = pa.BufferOutputStream()
    table = pa.table({"text": holdout.texts, "owner": holdout.owners})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return [holdout.name, holdout.version, holdout.items, hashlib.sha256(sink.getvalue()).hexdigest()]
