"""Python ends only when Arrow's threads hold nothing of it any more."""

import gc
import subprocess
import sys
import threading
import time

import pytest
from verified_world import Approval

from poisonguard.dataset import lent
from poisonguard.dataset.lent import Lending
from poisonguard.errors import UnreadableData

LATER = 0.2


class Thing:
    """Something to lend."""


def seconds_to_end(lending: Lending) -> float:
    start = time.monotonic()
    lending.end()
    return time.monotonic() - start


def lending_after_a_read() -> Lending:
    lending = Lending()
    with lending:
        pass
    return lending


def test_who_never_read_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    lending, kept = Lending(), Thing()
    lending.lend(kept)
    lending.end()


def test_no_read_begins_at_the_end() -> None:
    lending = lending_after_a_read()
    lending.end()
    with pytest.raises(UnreadableData, match="Python is ending"), lending:
        pytest.fail("a read began")


def test_a_read_under_way_is_waited_for() -> None:
    lending, begun, ended = Lending(), threading.Event(), threading.Event()

    def read() -> None:
        with lending:
            begun.set()
            time.sleep(2 * LATER)
            ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    begun.wait()
    lending.end()
    assert ended.is_set()
    thread.join()


def test_what_is_lent_is_waited_for() -> None:
    lending, things, returned = lending_after_a_read(), [Thing()], threading.Event()
    lending.lend(things[0])

    def let_go() -> None:
        time.sleep(LATER / 2)
        things.clear()
        returned.set()

    thread = threading.Thread(target=let_go)
    thread.start()
    lending.end()
    assert returned.is_set()
    thread.join()


def test_what_the_program_holds_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent, "MOST_SECONDS", 60.0)
    lending, kept = lending_after_a_read(), Thing()
    lending.lend(kept)
    assert seconds_to_end(lending) < lent.MOST_SECONDS / 2


def test_a_read_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent, "MOST_SECONDS", LATER)
    lending = Lending()
    with lending:
        assert seconds_to_end(lending) >= LATER


def test_the_same_thing_is_lent_twice_and_comes_back_once() -> None:
    lending, thing = lending_after_a_read(), Thing()
    lending.lend(thing)
    lending.lend(thing)
    del thing
    gc.collect()
    assert lending._state()[2] == 0


def test_a_child_begins_anew() -> None:
    lending, kept = lending_after_a_read(), Thing()
    lending.lend(kept)
    lending.end()
    lending.forget()
    with lending:
        assert lending._state() == (1, 0, 0)


ENDINGS = {
    "an error that nobody catches": ("dataset.to_table()", 1),
    "a scan given up": ("scan = iter(dataset.dataset().to_batches()); next(scan)", 0),
    "the first rows": ("dataset.dataset().head(3)", 0),
}
SCRIPT = """
import sys
import poisonguard as pg

dataset = pg.open_dataset({data!r}, bundle={bundle!r}, trust={pin!r})
if {flip}:
    with open({part!r}, "r+b") as file:
        file.seek(-100, 2)
        file.write(b"!")
{body}
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_as_it_should(version: Approval, ending: str) -> None:
    """Several at once, so that threads wait for processors; without the waiting, one in ten or so was aborted."""
    body, code = ENDINGS[ending]
    script = SCRIPT.format(
        data=str(version.data),
        bundle=str(version.bundle),
        pin=version.pin,
        flip=bool(code),
        part=str(version.data / "lines.jsonl"),
        body=body,
    )
    command = [sys.executable, "-c", script]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        said = process.communicate()[1]
        assert (process.returncode, "terminate called" in said) == (code, False), said
