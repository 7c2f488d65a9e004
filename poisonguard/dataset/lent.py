"""What Arrow's threads hold of Python's, and how Python waits at its end until they hold it no more.

Arrow reads ahead on threads of its own, and goes on for a moment after a scan failed, was given up or is complete. On
such a thread a read takes the GIL, and so do the destructors of ``PyBuffer`` (a buffer that a Python file handed out),
of ``PyReadableFile`` and of a status that carries a Python error. Once Python is ending, CPython before 3.14 unwinds
any other thread that asks for the GIL; a destructor must not be left that way, so C++ calls ``std::terminate``:
"terminate called without an active exception", exit code 134. Rules, for the moment before Python ends:

1. A read that begins fails, which stops whoever would read on.
2. Python waits until no read is under way, and all that was lent to Arrow's threads came back.
3. What the program itself still holds never comes back (a table that lies in the buffers that were read; an error that
   is being shown; a scan in a variable). Where nothing moves for a while, all that is left is held that way.
4. It waits ``MOST_SECONDS`` at most.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import Any

from poisonguard.errors import UnreadableData

MOST_SECONDS = 5.0
"""A read from a store that hangs must not keep the process for ever."""
TICK_SECONDS = 0.005
QUIET_TICKS = 50
"""So long nothing must move before what is left counts as the program's own."""
LAST_TICKS = 4
"""So long, when nothing is left: a thread lets go of a file shortly before its file system."""


class Lending:
    """Counts reads under way and what was lent. A context, which is one read; from any thread."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked child has none of its parent's threads."""
        self._lock = threading.Lock()
        self._ending = False
        self._begun = 0
        self._done = 0
        self._lent: dict[int, weakref.ref[Any]] = {}

    def lend(self, thing: Any) -> None:
        """A thread of Arrow's gets ``thing``."""
        key = id(thing)
        # Called on whatever thread lets go, in the middle of whatever: it must not take the lock.
        self._lent[key] = weakref.ref(thing, lambda _: self._lent.pop(key, None))

    def __enter__(self) -> None:
        """Begin a read.

        Raises:
            UnreadableData: Python is ending.
        """
        if self._ending:
            raise UnreadableData("Python is ending: nothing is read any more", hint="Read earlier than at exit.")
        with self._lock:
            self._begun += 1

    def __exit__(self, *_: object) -> None:
        """The read is over."""
        with self._lock:
            self._done += 1

    def end(self) -> None:
        """Let no read begin, and wait for those under way and for what is lent (rules 1 to 4)."""
        self._ending = True
        if not self._begun:
            return
        quiet, seen = 0, self._state()
        deadline = time.monotonic() + MOST_SECONDS
        while time.monotonic() < deadline and quiet < self._quiet_enough():
            time.sleep(TICK_SECONDS)
            now = self._state()
            quiet, seen = (quiet + 1 if now == seen else 0), now

    def _state(self) -> tuple[int, int, int]:
        return self._begun, self._done, len(self._lent)

    def _quiet_enough(self) -> float:
        if self._begun > self._done:
            return float("inf")
        return QUIET_TICKS if self._lent else LAST_TICKS


LENDING = Lending()
atexit.register(LENDING.end)
os.register_at_fork(after_in_child=LENDING.forget)
