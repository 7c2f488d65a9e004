"""What holds on clusters alone: their workers may lack a file, and their errors travel."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import engine_tasks as tasks
import pytest

from poisonguard.engine.executor import Executor
from poisonguard.errors import UnreadableData


@pytest.fixture
def executor(request: pytest.FixtureRequest) -> Executor:
    found: Executor = request.getfixturevalue(f"on_{request.param}")
    return found


both = pytest.mark.parametrize("executor", ["ray", "dask"], indirect=True)


@both
def test_an_error_that_cannot_be_made_again_is_told_all_the_same(executor: Executor) -> None:
    with pytest.raises(Exception, match="this and that"):
        list(executor.run(tasks.raise_odd, range(4)))
    assert list(executor.run(tasks.square, [3])) == [9]


@both
def test_a_worker_that_does_not_see_the_data_is_named(executor: Executor, tmp_path: Path) -> None:
    for function in (tasks.read_length, tasks.read_badly):
        with pytest.raises(UnreadableData, match=rf"node \S+: {tmp_path}/part-0: no such file") as raised:
            list(executor.run(partial(function, tmp_path / "part-0"), range(2)))
        assert "Every node must see the data" in raised.value.hint
