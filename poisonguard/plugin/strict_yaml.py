"""YAML from a file that somebody wrote: settings, policies, packs and cards are read by these rules alone.

Rules:

1. A file is at most 1 MiB, and UTF-8.
2. Plain values only: no tag makes an object.
3. No aliases: a few lines of them unfold to more than any memory.
4. No key is given twice: the last would silently win, and a reader sees the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from poisonguard.errors import ConfigurationError

MAX_BYTES = 1024 * 1024


def load_yaml(path: Path, *, hint: str = "") -> Any:
    """What the file says.

    Raises:
        ConfigurationError: It cannot be read, or breaks a rule of this module; the message names file and line.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: it cannot be read: {error.strerror}", hint=hint) from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path}: it is larger than {MAX_BYTES:,} bytes", hint=hint)
    try:
        return yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader that refuses more
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {_place(error)}not valid YAML: {_problem(error)}", hint=hint) from error


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases and without keys given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # yaml's stubs say no type
            raise ConstructorError(problem="aliases are not accepted", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - yaml's signature
        """Refuse keys given twice."""
        seen: set[str] = set()
        for child, _ in node.value:
            key = repr(self.construct_object(child, deep=True))
            if key in seen:
                raise ConstructorError(problem=f"key {key} is given twice", problem_mark=child.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f"line {mark.line + 1}: "


def _problem(error: Exception) -> str:
    """One line, without the marks that yaml prints below it."""
    said = getattr(error, "problem", None) or (str(error).splitlines() or [type(error).__name__])[0]
    return str(said)
