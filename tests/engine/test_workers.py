"""Laws of worker processes."""

import math
import os
from dataclasses import dataclass

import pytest

from poisonguard.engine.workers import LARGE, TEAMS, Processes
from poisonguard.errors import IncompleteScan


def test_results_come_in_task_order_and_errors_as_they_are() -> None:
    engine = Processes(2)
    try:
        assert list(engine.run(abs, range(-5, 5))) == [abs(number) for number in range(-5, 5)]
        with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
            list(engine.run(math.sqrt, [4.0, -1.0]))
        assert list(engine.run(os.getenv, TEAMS)) == ["1"] * len(TEAMS)
    finally:
        engine.close()


def test_a_process_that_dies_ends_the_scan_incomplete() -> None:
    engine = Processes(1)
    with pytest.raises(IncompleteScan, match="a worker process died") as caught:
        list(engine.run(os._exit, [3]))
    assert "resumes" in caught.value.hint
    engine.close()


@dataclass(frozen=True)
class Lookup:
    """A function that is large."""

    table: bytes

    def __call__(self, place: int) -> int:
        return self.table[place]


def test_a_large_function_is_sent_once() -> None:
    engine = Processes(1)
    try:
        table = bytes(range(256)) * (2 * LARGE // 256)
        assert list(engine.run(Lookup(table), [0, 7, LARGE + 3])) == [0, 7, 3]
        assert engine._folder is not None
        assert not [path for path in engine._folder.path.iterdir() if not path.name.startswith(".")]
        with pytest.raises(IndexError):
            list(engine.run(Lookup(table), [3 * LARGE]))
    finally:
        engine.close()
    assert engine._folder is None
