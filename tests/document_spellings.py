"""Where the values of a document stand, and the same document in other spellings."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from documents import Kind

from poisonguard.attest.canonical import canonical
from poisonguard.errors import IntegrityError

Path_ = tuple[str | int, ...]


Twist = Callable[[Any], str]
"""How a value is spelled instead."""


def spell(value: Any, at: Path_ | None = None, twist: Twist | None = None) -> str:
    """Canonical JSON of our documents, but for the value at one place."""
    if at == () and twist is not None:
        return twist(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}:{spell(value[name], _below(at, name), twist)}" for name in sorted(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(spell(item, _below(at, index), twist) for index, item in enumerate(value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _below(at: Path_ | None, name: str | int) -> Path_ | None:
    return at[1:] if at and at[0] == name else None


def places(value: Any, at: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every value in a document and where it is."""
    yield at, value
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from places(item, (*at, name))


def refused(kind: Kind, data: bytes) -> bool:
    """Whether the document is refused; if it is not, it is spelled as we spell it."""
    try:
        spelled = kind.read(data)
    except IntegrityError:
        return True
    assert spelled == data
    return False


def canonical_with(value: Any, at: Path_, other: Any) -> bytes:
    """Canonical JSON, so that only the reader of the document can object."""
    return canonical(json.loads(spell(value, at, lambda _: json.dumps(other))))
