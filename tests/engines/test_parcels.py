"""What goes to a worker and what comes back, and who is let in: without any cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import engine_tasks as tasks
import pytest

from poisonguard.engines import parcels
from poisonguard.engines.alike import Installed, installed, refuse_difference
from poisonguard.engines.parcels import RaisedThere, answer, pack, unpacked
from poisonguard.engines.window import Ways, in_order
from poisonguard.errors import DataError, UnreadableData, UsageError


@pytest.fixture(autouse=True)
def this_process_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "_one_thread", lambda: None)


def test_a_result_comes_back() -> None:
    assert unpacked(answer(pack(tasks.square), 7)) == 49


def test_an_error_comes_back_as_itself_with_where_it_was_raised() -> None:
    with pytest.raises(DataError) as raised:
        unpacked(answer(pack(tasks.raise_data), 1))
    assert type(raised.value) is DataError
    assert raised.value.hint == "yes"
    assert isinstance(raised.value.__cause__, RaisedThere)
    assert "raise_data" in str(raised.value.__cause__)


def test_a_missing_file_names_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "node_name", lambda: "n7")
    for function in (tasks.read_length, tasks.read_badly):
        with pytest.raises(UnreadableData, match=r"^node n7: /nowhere/part-0: no such file or folder$"):
            unpacked(answer(pack(partial(function, Path("/nowhere/part-0"))), 1))


def test_a_file_that_vanished_from_a_folder_that_is_there_keeps_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "node_name", lambda: "n7")
    with pytest.raises(UnreadableData, match=r"^node n7: part-0: vanished while it was read$"):
        unpacked(answer(pack(partial(tasks.read_badly, Path("part-that-is-not-there"))), 1))


@pytest.mark.parametrize("function", [lambda task: task, open("/dev/null").read])  # noqa: PTH123, SIM115 - something that cannot be pickled
def test_what_cannot_be_sent_is_refused_here(function: object) -> None:
    with pytest.raises(UsageError, match="cannot be sent to a worker"):
        pack(function)  # type: ignore[arg-type] # on purpose


def test_each_difference_is_named() -> None:
    here = Installed((("python", "3.12"), ("numpy", "2.1"), ("pillow", "not installed")), "a")
    refuse_difference(here, here, "n1")
    there = Installed((("python", "3.11"), ("numpy", "2.1")), "b")
    with pytest.raises(UsageError, match=r"^node n1 would not compute the same: python 3\.11 there, 3\.12 here$"):
        refuse_difference(here, there, "n1")
    with pytest.raises(UsageError, match="code is another there, though the version is the same"):
        refuse_difference(here, replace(here, code="b"), "n1")


def test_what_is_installed_covers_what_results_depend_on() -> None:
    named = dict(installed().versions)
    assert {"python", "poisonguard", "numpy", "pyarrow", "numba"} <= set(named)
    assert len(installed().code) == 64


def test_who_runs_other_code_refuses_the_task() -> None:
    parcel = replace(pack(tasks.square), driver=Installed((("numpy", "0"),), ""))
    with pytest.raises(UsageError, match=r"numpy .* there, 0 here"):
        unpacked(answer(parcel, 1))


def test_whatever_ends_a_run_gives_up_what_is_under_way() -> None:
    given_up: list[Sequence[int]] = []
    parcel = pack(partial(tasks.fail_at, Path("/nowhere"), 0))
    ways = Ways(lambda task: task, partial(answer, parcel), given_up.append)
    with pytest.raises(UnreadableData, match="torn"):
        list(in_order(range(9), 4, ways))
    assert given_up == [(1, 2, 3)]

    def interrupted(_: int) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(range(9), 4, Ways(lambda task: task, interrupted, given_up.append)))
    assert given_up[1:] == [(0, 1, 2, 3)], "the one that is waited for, too"


def test_a_run_that_ends_gives_nothing_up() -> None:
    ways = Ways(lambda task: task, partial(answer, pack(tasks.square)), lambda _: pytest.fail("given up"))
    assert list(in_order(range(9), 4, ways)) == [task * task for task in range(9)]
