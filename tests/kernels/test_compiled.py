"""Compiled code works where nothing can be cached."""

from collections.abc import Callable
from typing import Any

import numba
import pytest

from poisonguard.kernels.compiled import compiled


def double(value: int) -> int:
    return 2 * value


def test_compiles_what_it_is_given() -> None:
    assert compiled(double)(21) == 42


def test_a_read_only_installation_compiles_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = numba.njit, []

    def njit(*functions: Any, **options: Any) -> Callable[..., Any]:
        if functions:
            # Numba decorates functions of its own when it is first used.
            return real(*functions, **options)
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled(double)(21) == 42
    assert [options.get("cache", False) for options in asked] == [True, False]
