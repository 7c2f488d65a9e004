"""What the benchmarks share: children measured, environments of peers, goals beside figures, the runner."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks.child import ChildFailed, Cost, best, run
from benchmarks.environments import CACHE, PEERS, REQUIREMENTS, PeerMissing, commands, pinned, place_of, python_of
from benchmarks.goals import FILE, HEAD, Goal, machine, print_goals, read_goals, table

MIB = 1 << 20


def test_a_child_is_measured() -> None:
    code = (
        "import sys; block = bytearray(80 << 20); block[::4096] = b'x' * len(block[::4096]); print('{\"seconds\": 1}')"
    )
    cost = run([sys.executable, "-S", "-c", code])
    assert cost.told == {"seconds": 1}
    assert 80 * MIB < cost.peak < 140 * MIB
    assert cost.mebibytes == cost.peak / MIB
    assert cost.processor > 0
    assert cost.seconds > 0


def test_the_peak_of_a_child_is_its_own() -> None:
    held = bytearray(150 << 20)
    held[::4096] = b"x" * len(held[::4096])
    assert run([sys.executable, "-S", "-c", "pass"]).peak < 60 * MIB


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(ChildFailed, match="ended with 3: why"):
        run([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])


def test_an_exit_code_may_be_allowed() -> None:
    assert run([sys.executable, "-c", "print('x'); raise SystemExit(3)"], allowed=(0, 3)).output == "x\n"


def test_a_child_gets_folder_and_environment(tmp_path: Path) -> None:
    cost = run(
        [sys.executable, "-c", "import os; print(os.getcwd(), os.environ['WORD'])"],
        cwd=tmp_path,
        environment={"WORD": "x"},
    )
    assert cost.output == f"{tmp_path} x\n"


def test_the_best_of_several_runs() -> None:
    assert best([Cost(2, 5, 9, "a"), Cost(3, 4, 8, "b")]) == Cost(2, 4, 8, "b")


def test_what_a_command_timed_itself() -> None:
    told = Cost(9, 8, 7, 'text\n{"seconds": 1.5, "processor": 2.5}\n').inner
    assert (told.seconds, told.processor, told.peak) == (1.5, 2.5, 7)


def test_requirements_of_peers_are_pinned() -> None:
    names = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
    assert names
    for name in names:
        assert all("==" in line for line in pinned(name)), name


def test_every_environment_that_is_asked_for_has_requirements() -> None:
    from benchmarks import drift, near_duplicates

    wanted = {drift.ENVIRONMENTS.get(name, name) for name in drift.NAMES} | {*near_duplicates.NAMES}
    wanted |= {"gx", "stack", "pyod", "modelsigning"}
    assert wanted == {path.stem for path in REQUIREMENTS.glob("*.txt")}


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setenv(CACHE, str(tmp_path))
    monkeypatch.setattr("benchmarks.environments._run", lambda command, name: made.append((command[-1], name)))
    monkeypatch.setattr(Path, "touch", lambda path: (path.parent.mkdir(parents=True), path.write_bytes(b"")))
    python = python_of("rensa")
    assert python == python_of("rensa") == place_of("rensa") / "bin" / "python"
    assert [name for _, name in made] == ["rensa", "rensa"]
    assert python.is_relative_to(tmp_path / "peers")


def test_without_uv_an_environment_is_made_by_venv_and_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    make, install = commands(tmp_path / "x", REQUIREMENTS / "rensa.txt")
    assert make == [sys.executable, "-m", "venv", str(tmp_path / "x")]
    assert install[1:4] == ["-m", "pip", "install"]
    monkeypatch.setattr("shutil.which", lambda _: "/bin/uv")
    assert all(command[0] == "uv" for command in commands(tmp_path / "x", REQUIREMENTS / "rensa.txt"))


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path))
    refusing = [[sys.executable, "-c", "import sys; sys.exit('ERROR: no matching distribution')"]]
    monkeypatch.setattr("benchmarks.environments.commands", lambda *_: refusing)
    with pytest.raises(PeerMissing, match="rensa cannot be installed here: ERROR: no matching distribution"):
        python_of("rensa")
    assert not (place_of("rensa") / "ready").exists()


def test_peers_import_nothing_of_ours() -> None:
    for path in PEERS.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "poisonguard" not in text.replace("import poisonguard", "poisonguard"), path
        assert "from benchmarks" not in text, path


@pytest.mark.parametrize(
    ("goal", "holds", "cells"),
    [
        (Goal("a", 3, 3.4), True, ("a", ">= 3x", "3.4x", "yes")),
        (Goal("a", 30, 20.04), False, ("a", ">= 30.0x", "20.0x", "no")),
        (Goal("a", 200, 151.4, at_most=True, unit=" ms"), True, ("a", "<= 200 ms", "151 ms", "yes")),
        (Goal("a", 0.05, 0.051, at_most=True), False, ("a", "<= 0.05x", "0.051x", "no")),
        (Goal("a", 3, None, why_not="no wheel"), None, ("a", ">= 3x", "not measured", "no wheel")),
    ],
)
def test_a_goal_beside_its_figure(goal: Goal, holds: bool | None, cells: tuple[str, ...]) -> None:  # noqa: FBT001 - a parameter of the test
    assert goal.holds is holds
    assert goal.cells == cells


def test_goals_are_told_to_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "goals.jsonl"
    monkeypatch.setenv(FILE, str(told))
    goals = [Goal("speed", 3, 4), Goal("peak", 700, None, at_most=True, unit=" MiB", why_not="left out")]
    print_goals(goals[:1])
    print_goals(goals[1:])
    assert read_goals(told) == goals
    assert "| speed | >= 3x |       4x | yes   |" in capsys.readouterr().out
    assert read_goals(tmp_path / "nothing") == []


def test_a_table_has_numbers_to_the_right() -> None:
    assert table([["what", "n"], ["a", "1,000"], ["bcdef", "20"]]) == [
        "| what  |     n |",
        "|-------|------:|",
        "| a     | 1,000 |",
        "| bcdef |    20 |",
    ]


def test_the_machine_is_told_without_its_name() -> None:
    import platform

    assert "processors" in machine()
    assert "GiB" in machine()
    assert platform.node() not in machine()


def test_the_runner_lists_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(runner.FIGURES)
    assert runner.main(["startup", "--small", "--list"]) == 0
    assert capsys.readouterr().out == "python -m benchmarks.startup --runs 3 # start-up of the command line\n"


def test_the_runner_knows_every_benchmark() -> None:
    known = {figure.module for figure in runner.FIGURES}
    written = {
        path.stem
        for path in Path(runner.__file__).parent.glob("*.py")
        if "def main(" in path.read_text(encoding="utf-8") and not path.stem.startswith("__")
    }
    assert written - {"child"} <= known


def test_an_unknown_figure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        runner.main(["nonsense"])
    assert "nonsense: there is no such figure" in capsys.readouterr().err


def test_one_failure_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = (
        runner.Figure("child", "fails", ""),
        runner.Figure("engines", "is missing", "", python=Path("no", "such", "python")),
        runner.Figure("goals", "says nothing", ""),
    )
    monkeypatch.setattr(runner, "FIGURES", figures)
    results = tmp_path / "results.md"
    assert runner.main(["--small", "--markdown", str(results)]) == 1
    said = capsys.readouterr().out
    assert "failed: child" in said
    told = results.read_text(encoding="utf-8")
    assert told.startswith("# Results\n")
    assert " | ".join(HEAD) in told
    assert "not measured: no/such/python is missing" in told
    assert told.index("## child: fails") < told.index("## goals: says nothing")
