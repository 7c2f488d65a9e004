"""A stand-in for the ``poisonguard`` command: writes down how it was called, then answers as it was told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = """#!{python}
import json, pathlib, sys, time
folder = pathlib.Path({folder!r})
(folder / "arguments.json").write_text(json.dumps(sys.argv[1:]))
sys.stdout.write({output!r})
sys.stderr.write({errors!r})
sys.stdout.flush()
time.sleep({seconds})
sys.exit({code})
"""


@dataclass(frozen=True, slots=True)
class FakeCommand:
    """The stand-in."""

    folder: Path

    @property
    def path(self) -> str:
        return str(self.folder / "poisonguard")

    def answers(self, code: int, report: Any = None, *, output: str = "", errors: str = "", seconds: int = 0) -> str:
        """Its path, ready to answer with ``report`` as JSON, or with ``output`` as it is."""
        text = output if report is None else json.dumps(report)
        script = SCRIPT.format(
            python=sys.executable, folder=str(self.folder), output=text, errors=errors, seconds=seconds, code=code
        )
        Path(self.path).write_text(script)
        Path(self.path).chmod(0o755)
        return self.path

    @property
    def arguments(self) -> list[str]:
        """How it was called last."""
        called: list[str] = json.loads((self.folder / "arguments.json").read_text())
        return called

    @property
    def called(self) -> bool:
        """Whether it was called at all."""
        return (self.folder / "arguments.json").exists()
