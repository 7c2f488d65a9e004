"""How our loops are compiled: without the GIL, cached where a cache can be written, otherwise not cached.

Numba keeps compiled code beside the source, or in the user's cache directory when the package is read-only.
Where neither can be written it refuses to compile with a cache at all; then we compile without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def compiled(function: FunctionT) -> FunctionT:
    """``function`` as machine code that releases the GIL."""
    try:
        loop: FunctionT = numba.njit(nogil=True, cache=True, no_cfunc_wrapper=True)(function)
    except RuntimeError:  # "no locator available": nowhere to keep a cache
        loop = numba.njit(nogil=True, no_cfunc_wrapper=True)(function)
    return loop


def part(function: FunctionT) -> FunctionT:
    """``function`` as a part of compiled loops, which alone can call it.

    What Python would need to call it is not made, and it is kept in the caches of those loops only: that is a third of
    the time that the first use after an install takes.
    """
    piece: FunctionT = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return piece


def inlined(function: FunctionT) -> FunctionT:
    """``function`` as a helper that is compiled into the loops that call it."""
    helper: FunctionT = numba.njit(inline="always")(function)
    return helper
