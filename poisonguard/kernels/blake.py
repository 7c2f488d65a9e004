"""The compression of BLAKE2b (RFC 7693) for eight messages at once, one in each lane of a vector.

A round is written as LLVM vectors, which become SSE, AVX, AVX-512 or NEON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
WORDS = 16
STATE = 8

INITIAL = (
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
)  # fmt: skip
"""RFC 7693 section 2.6."""

SCHEDULE = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
)
"""Order in which each round takes the message words; RFC 7693 section 2.7."""
ROUNDS = 12

_COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
_DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))

_PLACE = ir.IntType(64)
_VECTOR = ir.VectorType(ir.IntType(64), LANES)


def _all(value: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * LANES)


def _turned(builder: Any, value: Any, count: int) -> Any:
    return builder.or_(builder.lshr(value, _all(count)), builder.shl(value, _all(64 - count)))


def _mixed(builder: Any, state: list[Any], places: Sequence[int], words: Sequence[Any]) -> None:
    """RFC 7693's G on four of the working vectors."""
    a, b, c, d = (state[place] for place in places)
    for word, first, second in ((words[0], 32, 24), (words[1], 16, 63)):
        a = builder.add(builder.add(a, b), word)
        d = _turned(builder, builder.xor(d, a), first)
        c = builder.add(c, d)
        b = _turned(builder, builder.xor(b, c), second)
    for place, value in zip(places, (a, b, c, d), strict=True):
        state[place] = value


def _vectors(context: Any, builder: Any, kind: Any, array: Any, count: int) -> list[Any]:
    """Pointers to the first ``count`` vectors of a contiguous array."""
    data = builder.bitcast(context.make_array(kind)(context, builder, array).data, _VECTOR.as_pointer())
    return [builder.gep(data, [ir.Constant(ir.IntType(64), place)]) for place in range(count)]


def _rounds(builder: Any, work: list[Any], words: Any) -> list[Any]:
    """The working vectors after all rounds; a loop, since written out they take seconds to compile."""
    kind = ir.ArrayType(ir.ArrayType(_PLACE, WORDS), ROUNDS)
    orders = cgutils.global_constant(builder, "blake2b.schedule", ir.Constant(kind, [list(row) for row in SCHEDULE]))
    before, body, after = builder.block, builder.append_basic_block("round"), builder.append_basic_block("rounds")
    builder.branch(body)
    builder.position_at_end(body)
    turn, state = builder.phi(_PLACE), [builder.phi(_VECTOR) for _ in work]
    mixed = list[Any](state)
    for number, places in enumerate((*_COLUMNS, *_DIAGONALS)):
        taken = [builder.gep(orders, [_PLACE(0), turn, _PLACE(2 * number + side)]) for side in range(2)]
        _mixed(builder, mixed, places, [_word(builder, words, builder.load(place)) for place in taken])
    done = builder.add(turn, _PLACE(1))
    builder.cbranch(builder.icmp_unsigned("<", done, _PLACE(ROUNDS)), body, after)
    for item, first, later in zip((turn, *state), (_PLACE(0), *work), (done, *mixed), strict=True):
        item.add_incoming(first, before)
        item.add_incoming(later, body)
    builder.position_at_end(after)
    return mixed


def _word(builder: Any, words: Any, place: Any) -> Any:
    return builder.load(builder.gep(words, [place]), align=8)


def _emitted(function: Callable[..., Any]) -> Any:
    """A function that compiled loops call and whose code ``function`` writes."""
    return intrinsic(function)


@_emitted
def compress(typing: Any, state: Any, message: Any, done: Any, last: Any) -> Any:  # noqa: ARG001 - Numba asks for it
    """RFC 7693's F for one block of each lane.

    ``state`` holds the chained values, shape (8, 8): word, lane; it is changed in place. ``message`` holds the block's
    words, shape (16, 8); ``done`` the bytes of the message up to the end of the block, and ``last`` all bits where it
    is a lane's last block, otherwise none, shapes (8,). Each lies in one piece.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args
        chained = _vectors(context, builder, kinds[0], values[0], STATE)
        words = _vectors(context, builder, kinds[1], values[1], 1)[0]
        counts, finals = (
            builder.load(_vectors(context, builder, kinds[place], values[place], 1)[0], align=8) for place in (2, 3)
        )
        before = [builder.load(item, align=8) for item in chained]
        work = before + [_all(value) for value in INITIAL]
        work[12], work[14] = builder.xor(work[12], counts), builder.xor(work[14], finals)
        work = _rounds(builder, work, words)
        for place, pointer in enumerate(chained):
            both = builder.xor(work[place], work[place + STATE])
            builder.store(builder.xor(before[place], both), pointer, align=8)
        return context.get_dummy_value()

    return types.void(state, message, done, last), generate
