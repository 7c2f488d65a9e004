"""Mutation testing: make every small mistake in a module, one at a time, and see whether a test notices.

    make mutation MODULES="poisonguard.attest.trust poisonguard.domain.merkle"

Nothing is written: a mutant lives in a forked process, where an import hook gives its source instead of the file's.
That process runs the module's tests (``targets.toml``) and stops at the first failure. The score is the share of
mutants that were noticed; those that were not are printed. Hypothesis draws the same examples for each.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
import tomllib
import traceback
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

import pytest  # noqa: E402  imported once, before the forks
from hypothesis import Phase, settings  # noqa: E402  as above
from mutants import Mutant, mutants  # noqa: E402  as above

PASSED, FAILED = 0, 1
PYTEST = ("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile=mutation")
IMPORTED_BEFORE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Hypothesis is there before pytest would rewrite its assertions, which is as wanted."""
SLACK_SECONDS = 5.0
"""How much longer than three times the usual time the tests may take before a mutant counts as noticed (it hangs)."""


MOST_MEMORY = 4 * 1024**3
"""Address space of a mutant: one that appends for ever must not take the machine down."""


class Swapped(importlib.machinery.SourceFileLoader):
    """Loads a module's file with other words in it."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        """The mutant, compiled."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Finder(importlib.machinery.PathFinder):
    """Finds one module, swapped."""

    name, path, source = "", "", ""

    @classmethod
    def find_spec(cls, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        """The swapped module, or nothing for any other."""
        if fullname != cls.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, cls.path, loader=Swapped(fullname, cls.path, cls.source)
        )


@dataclass
class Score:
    """What became of a module's mutants."""

    module: str
    noticed: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many there were."""
        return self.noticed + len(self.survivors)

    def line(self) -> str:
        """One line of a table."""
        share = 100 * self.noticed / max(self.total, 1)
        return f"{self.module:45} {self.noticed:4} of {self.total:4}  {share:5.1f} %"


def tests_of(module: str, targets: dict[str, list[str]]) -> list[str]:
    """The tests that are run on a module's mutants: those of its own name, and those that ``targets.toml`` adds."""
    _, *folders, name = module.split(".")
    own = Path("tests", *folders, f"test_{name}.py")
    found = [*([str(own)] if (ROOT / own).exists() else []), *targets.get(module, [])]
    if not found:
        sys.exit(f"no tests are known for {module}: add it to tests/mutation/targets.toml")
    return list(dict.fromkeys(found))


def path_of(module: str) -> Path:
    """A module's file."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    if not path.exists():
        sys.exit(f"there is no module {module}")
    return path


def attempt(module: str, source: str, tests: Sequence[str], limit: float) -> int | None:
    """Exit code of the tests on a module with this source; nothing when they take longer than ``limit`` seconds."""
    child = os.fork()
    if child == 0:
        _run(module, source, tests)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run(module: str, source: str, tests: Sequence[str]) -> None:
    """In the forked process: swap the module, run the tests, never return."""
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        log = os.open(os.environ.get("MUTATION_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        Finder.name, Finder.path, Finder.source = module, str(path_of(module)), source
        sys.meta_path.insert(0, Finder)
        code = int(pytest.main([*PYTEST, *IMPORTED_BEFORE, *tests]))
    except BaseException:  # noqa: BLE001  whatever it is, this process must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def score(module: str, tests: Sequence[str], lines: Container[int] | None = None) -> Score:
    """Every mutant of a module, or every one on some lines, tried."""
    source = path_of(module).read_text(encoding="utf-8")
    begun = time.monotonic()
    result = Score(module)
    if attempt(module, source, tests, 600) != PASSED:
        print(f"{module}: its tests fail without any mutation: {' '.join(tests)}", flush=True)  # noqa: T201  a script
        return result
    limit = 3 * (time.monotonic() - begun) + SLACK_SECONDS
    for mutant in mutants(source):
        if lines is not None and mutant.line not in lines:
            continue
        if attempt(module, mutant.source, tests, limit) == PASSED:
            result.survivors.append(mutant)
            print(f"  {module}:{mutant.line}: {shown(mutant)}", flush=True)  # noqa: T201  a script
        else:
            result.noticed += 1
    return result


def shown(mutant: Mutant) -> str:
    """A mutant on one line."""
    before, after = (" ".join(text.split())[:100] for text in (mutant.before, mutant.after))
    return f"{before}  ->  {after or '(left out)'}"


def preload() -> None:
    """Import once, before the forks, what every run would import again; never the project itself."""
    for name in (
        "cryptography.hazmat.primitives.asymmetric.ec",
        "rfc8785",
        "hypothesis.stateful",
        "blake3",
        "sqlalchemy",
    ):
        importlib.import_module(name)
    settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(settings().suppress_health_check),
    )
    gc.freeze()  # pytest collects garbage when it ends: in each fork only what that one made


def main() -> int:
    """Score the modules that are named; 1 when one is below the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="for example poisonguard.attest.trust; all in targets.toml if none")
    parser.add_argument("--tests", nargs="+", help="run these instead of those in targets.toml")
    parser.add_argument("--lines", nargs="+", type=int, help="only mutants on these lines: to try survivors again")
    parser.add_argument("--goal", type=float, default=95.0, help="lowest score that will do, in percent")
    asked = parser.parse_args()
    os.chdir(ROOT)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    targets: dict[str, list[str]] = tomllib.loads((Path(__file__).parent / "targets.toml").read_text())["tests"]
    preload()
    plan = {module: asked.tests or tests_of(module, targets) for module in asked.modules or targets}
    scores = []
    for module, tests in plan.items():
        begun = time.monotonic()
        scores.append(score(module, tests, asked.lines))
        print(f"{scores[-1].line()}  {time.monotonic() - begun:5.0f} s", flush=True)  # noqa: T201  a script
    return FAILED if any(not item.total or 100 * item.noticed < asked.goal * item.total for item in scores) else PASSED


if __name__ == "__main__":
    sys.exit(main())
