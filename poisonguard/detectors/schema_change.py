"""Schema change: columns added, removed, retyped or moved since the approved reference. Exact.

- removed        error: a training job that reads the column breaks, or fills it with something else
- other kind     error: ``12`` and ``N/A`` in one column make it text; a kind is what the values mean
- became empty   error: every value of the column is gone
- added          warning: nobody approved what it holds
- widened        note: integers became floats, or the same kind in another width
- moved          note: only jobs that read by position notice

A name that comes back under another spelling (case, spaces, accents) is called a rename.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from poisonguard.domain.dataset import Column, Kind
from poisonguard.domain.finding import Finding, Level
from poisonguard.domain.roles import Roles
from poisonguard.plugin.check import Check, Context, Evidence, NotApplicable, Params
from poisonguard.sketches.base import Sketch

NUMBERS = {Kind.INTEGER, Kind.FLOAT}


class SchemaChangeParams(Params):
    """No parameters: a schema either changed or not."""


class SchemaChange(Check[SchemaChangeParams]):
    """Flags every difference between the candidate's columns and the reference's."""

    detector = "schema-change"
    params_model = SchemaChangeParams

    _roles: Roles

    def needs(self, context: Context) -> Sequence[Sketch] | NotApplicable:
        """Nothing: the columns are known before any row is read."""
        if not context.has_reference:
            return NotApplicable("no reference to compare with")
        self._roles = context.roles
        return ()

    def judge(self, evidence: Evidence, reference: Evidence | None) -> Iterable[Finding]:
        """One finding per column that differs, and one if only the order does."""
        if reference is None:
            return
        now, then = _by_name(evidence), _by_name(reference)
        yield from self._removed(now, then, reference)
        yield from self._added(now, then, reference)
        for name in now:
            if name in then and now[name] != then[name]:
                yield self._retyped(now[name], then[name], evidence, reference)
        if list(now) != list(then) and set(now) == set(then):
            yield self._moved(now, then, reference)

    def _removed(self, now: Mapping[str, Column], then: Mapping[str, Column], reference: Evidence) -> Iterator[Finding]:
        added = {_spelling(name): name for name in now if name not in then}
        for name, column in then.items():
            if name in now:
                continue
            renamed = added.get(_spelling(name))
            ending = f"; it may have been renamed to {renamed!r}" if renamed else ""
            message = (
                f"Column {name!r} ({column.type}) is gone: {len(now)} columns, {len(then)} in the reference{ending}."
            )
            yield self._about(name, message, reference, level=Level.ERROR, numbers={"reference_type": column.type})

    def _added(self, now: Mapping[str, Column], then: Mapping[str, Column], reference: Evidence) -> Iterator[Finding]:
        for name, column in now.items():
            if name not in then:
                sizes = f"{len(now)} columns, {len(then)} in the reference"
                message = f"Column {name!r} ({column.type}{self._role(name)}) is new: {sizes}."
                level = Level.WARNING
                yield self._about(name, message, reference, level=level, column=name, numbers={"type": column.type})

    def _retyped(self, now: Column, then: Column, evidence: Evidence, reference: Evidence) -> Finding:
        numbers = {"type": now.type, "reference_type": then.type}
        change = f"was {then.type} and is {now.type}"
        if now.kind is Kind.NULL:
            change = f"was {then.type} and holds no value"
        message = f"Column {now.name!r}{self._role(now.name, ' ({})')} {change} now, in {evidence.rows} rows."
        level = _gravity(now, then)
        return self._about(now.name, message, reference, level=level, column=now.name, numbers=numbers)

    def _moved(self, now: Mapping[str, Column], then: Mapping[str, Column], reference: Evidence) -> Finding:
        first = next(name for name, other in zip(now, then, strict=True) if name != other)
        message = f"The {len(now)} columns stand in another order, from {first!r} on."
        return self.finding(
            subject="columns",
            message=message,
            confidence=1.0,
            level=Level.NOTE,
            compared_with=reference.name,
            numbers={"columns": len(now)},
        )

    def _about(self, name: str, message: str, reference: Evidence, **rest: object) -> Finding:
        fields = {"confidence": 1.0, "compared_with": reference.name, **rest}
        return self.finding(subject=f"column={name}", message=message, **fields)  # type: ignore[arg-type] # checked by Finding

    def _role(self, name: str, form: str = ", {}") -> str:
        role = self._roles.of(name)
        return form.format(role.value) if role else ""


def _gravity(now: Column, then: Column) -> Level:
    if now.kind is then.kind or (now.kind is Kind.FLOAT and then.kind is Kind.INTEGER):
        return Level.NOTE
    # Whole numbers where fractions were, or a column that held nothing before, break no reader.
    return Level.WARNING if {now.kind, then.kind} == NUMBERS or then.kind is Kind.NULL else Level.ERROR


def _by_name(version: Evidence) -> dict[str, Column]:
    return {column.name: column for column in version.columns}


def _spelling(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalnum())
