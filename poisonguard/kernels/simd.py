"""Sixty-four bytes in one step, for compiled loops: portable LLVM vectors that become SSE, AVX, AVX-512 or NEON.

All of them read or write memory at any alignment and check no bounds: who calls them leaves room for what they touch.
Bit i of a mask speaks of byte i (little-endian machines, the only ones that Numba supports).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 64
"""Bytes in a step."""

_BYTES = ir.VectorType(ir.IntType(8), WIDTH)
_MASK = ir.IntType(WIDTH)
_PAIR = types.UniTuple(types.uint64, 2)


def _bytes(value: int) -> ir.Constant:
    """One byte, in every lane."""
    return ir.Constant(_BYTES, [value] * WIDTH)


def _emitted(function: Callable[..., Any]) -> Any:
    """A function that compiled loops call and whose code ``function`` writes."""
    return intrinsic(function)


def _place(writer: tuple[Any, Any], kind: Any, array: Any, index: Any, wanted: Any) -> Any:
    """Pointer to byte ``index`` of a one-dimensional byte array; ``writer`` is Numba's context and LLVM's builder."""
    context, builder = writer
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), wanted.as_pointer())


def _load(writer: tuple[Any, Any], kind: Any, array: Any, index: Any, wanted: Any) -> Any:
    return writer[1].load(_place(writer, kind, array, index, wanted), align=1)


@_emitted
def load_eight(typing: Any, data: Any, place: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """``data[place:place + 8]`` as one little-endian number."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _load((context, builder), signature.args[0], values[0], values[1], _MASK)

    return types.uint64(data, types.int64), generate


@_emitted
def store_eight(typing: Any, out: Any, place: Any, value: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """Make ``out[place:place + 8]`` the little-endian bytes of a number."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        goal = _place((context, builder), signature.args[0], values[0], values[1], _MASK)
        builder.store(values[2], goal, align=1)
        return context.get_dummy_value()

    return types.void(out, types.int64, types.uint64), generate


@_emitted
def eight_in_order(typing: Any, data: Any, place: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """``data[place:place + 8]`` as one big-endian number: such numbers have the order of the bytes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bswap(_load((context, builder), signature.args[0], values[0], values[1], _MASK))

    return types.uint64(data, types.int64), generate


@_emitted
def trailing_zeros(typing: Any, value: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """Index of the lowest bit of ``value`` that is set; 64 where none is."""

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@_emitted
def leading_zeros(typing: Any, value: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """How many bits stand above the highest bit of ``value`` that is set; 64 where none is."""

    def generate(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return builder.ctlz(values[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@_emitted
def fold_ascii(typing: Any, data: Any, place: Any, out: Any, goal: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """Copy 64 bytes: letters in lower case, digits and underscores as they are, everything else as zero.

    Gives two masks: bytes that are letters, digits or underscores; bytes that are not ASCII.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        block = _load((context, builder), signature.args[0], values[0], values[1], _BYTES)
        lowered = builder.or_(block, _bytes(0x20))
        letter = builder.icmp_unsigned("<", builder.sub(lowered, _bytes(ord("a"))), _bytes(26))
        digit = builder.icmp_unsigned("<", builder.sub(block, _bytes(ord("0"))), _bytes(10))
        same = builder.or_(digit, builder.icmp_unsigned("==", block, _bytes(ord("_"))))
        clean = builder.select(letter, lowered, builder.select(same, block, _bytes(0)))
        goal = _place((context, builder), signature.args[2], values[2], values[3], _BYTES)
        builder.store(clean, goal, align=1)
        inside = builder.bitcast(builder.or_(letter, same), _MASK)
        other = builder.bitcast(builder.icmp_signed("<", block, _bytes(0)), _MASK)
        return cgutils.pack_array(builder, [inside, other])

    return _PAIR(data, types.int64, out, types.int64), generate


@_emitted
def nonzero_mask(typing: Any, data: Any, place: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """Which of ``data[place:place + 64]`` are not zero."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        block = _load((context, builder), signature.args[0], values[0], values[1], _BYTES)
        return builder.bitcast(builder.icmp_unsigned("!=", block, _bytes(0)), _MASK)

    return types.uint64(data, types.int64), generate


@_emitted
def equal_bytes(typing: Any, left: Any, one: Any, right: Any, other: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """How many of ``left[one:one + 64]`` equal their fellow of ``right[other:other + 64]``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        first = _load((context, builder), signature.args[0], values[0], values[1], _BYTES)
        second = _load((context, builder), signature.args[2], values[2], values[3], _BYTES)
        return builder.ctpop(builder.bitcast(builder.icmp_unsigned("==", first, second), _MASK))

    return types.int64(left, types.int64, right, types.int64), generate
