"""What a pickle would import and call, told from its opcodes; nothing of it is ever run.

1. Opcodes are read by ``pickletools.genops`` and followed on a stack of names: strings, marks and unknown things. So
   the operands of STACK_GLOBAL are known where they are constants, through memo and duplicates.
2. A name that is not known, an extension code, and a pickle that is not followed to its end count as the worst.
3. Only names that rebuild plain data are harmless (``DATA``), each in full: a dotted name reaches into a module.
4. At most ``MOST_BYTES`` and ``MOST_OPCODES`` are followed.
"""

from __future__ import annotations

import io
import pickletools
import struct
from dataclasses import dataclass, field
from typing import Any

MOST_BYTES = 64 << 20
MOST_OPCODES = 500_000
FIRST = frozenset(b"(c]}lditSVIFLNp0)")
"""Opcodes that pickles without a PROTO opcode begin with."""
OPCODES = frozenset(ord(opcode.code) for opcode in pickletools.opcodes)
"""All: whoever hides a pickle begins with something that a pickler never would, and that loaders throw away."""
LONGEST_ARGUMENT = 4096
"""Bytes before the end of a cut-off pickle in which an opcode may be cut."""
UNKNOWN_NAME = "a name made at run time"

STRINGS = frozenset(
    {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
)
PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
CALLS = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST", "BUILD"})
EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})

_PANDAS = "pandas.core"
DATA = frozenset(
    {
        "builtins.bytearray", "builtins.complex", "builtins.frozenset", "builtins.list", "builtins.dict",
        "builtins.object", "builtins.range", "builtins.set", "builtins.slice", "builtins.tuple",
        "__builtin__.bytearray", "__builtin__.complex", "__builtin__.frozenset", "__builtin__.list",
        "__builtin__.object", "__builtin__.set", "__builtin__.slice", "__builtin__.xrange", "_codecs.encode",
        "copyreg._reconstructor", "copy_reg._reconstructor", "collections.OrderedDict", "collections.Counter",
        "collections.deque", "collections.defaultdict", "datetime.date", "datetime.datetime", "datetime.time",
        "datetime.timedelta", "datetime.timezone", "decimal.Decimal", "fractions.Fraction", "uuid.UUID",
        "numpy.ndarray", "numpy.dtype", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.core.numeric._frombuffer",
        "numpy._core.numeric._frombuffer", f"{_PANDAS}.frame.DataFrame", f"{_PANDAS}.series.Series",
        f"{_PANDAS}.internals.managers.BlockManager", f"{_PANDAS}.internals.managers.SingleBlockManager",
        f"{_PANDAS}.internals.blocks.new_block", f"{_PANDAS}.indexes.base._new_Index",
        f"{_PANDAS}.indexes.base.Index", f"{_PANDAS}.indexes.range.RangeIndex",
        f"{_PANDAS}.indexes.numeric.Int64Index", f"{_PANDAS}.indexes.multi.MultiIndex",
        f"{_PANDAS}.indexes.datetimes._new_DatetimeIndex", f"{_PANDAS}.indexes.datetimes.DatetimeIndex",
        f"{_PANDAS}.arrays.datetimes.DatetimeArray", f"{_PANDAS}.arrays.categorical.Categorical",
        f"{_PANDAS}.arrays.string_.StringDtype", f"{_PANDAS}.arrays.string_.StringArray",
        f"{_PANDAS}.arrays.string_arrow.ArrowStringArray", f"{_PANDAS}.arrays.integer.IntegerArray",
        f"{_PANDAS}.dtypes.dtypes.CategoricalDtype", f"{_PANDAS}.dtypes.dtypes.DatetimeTZDtype",
        "pandas._libs.internals._unpickle_block", "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas._libs.tslibs.timestamps._unpickle_timestamp", "pandas.Index", "pandas.MultiIndex",
        "pandas.DataFrame", "pandas.Series", "pandas.RangeIndex", "pandas.StringDtype", "pandas.DatetimeIndex",
        "pandas.Categorical", "pandas.CategoricalDtype", "pandas.DatetimeTZDtype", "pandas.CategoricalIndex",
        "pandas.Int64Dtype", "pandas.Float64Dtype", "pandas.BooleanDtype", "pandas.ArrowDtype",
        "pandas.arrays.ArrowStringArray", "pandas.arrays.DatetimeArray", "pandas.arrays.StringArray",
        "pandas.arrays.IntegerArray", "pandas.arrays.FloatingArray", "pandas.arrays.BooleanArray",
        "pandas.arrays.TimedeltaArray", "pandas.arrays.NumpyExtensionArray", "pandas.arrays.ArrowExtensionArray",
        "pyarrow.lib.chunked_array", "pyarrow.lib._restore_array", "pyarrow.lib.type_for_alias",
        "pyarrow.lib.py_buffer", "scipy.sparse._csr.csr_matrix", "scipy.sparse.csr.csr_matrix",
        "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "torch.FloatStorage",
        "torch.LongStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.IntStorage", "torch.ByteStorage",
        "torch.DoubleStorage", "torch.BoolStorage", "torch.Size", "torch.float32", "torch.int64",
    }
)  # fmt: skip
"""What rebuilds plain data; calling these with any arguments runs nothing that an attacker chose."""


@dataclass(frozen=True, slots=True)
class Story:
    """What following a pickle showed.

    Attributes:
        imports: Every name it would import, sorted.
        calls: Whether anything is called or given a state.
        complete: Whether it was followed to its end.
        size: Bytes up to where following ended.
    """

    imports: tuple[str, ...]
    calls: bool
    complete: bool
    size: int

    @property
    def harmless(self) -> bool:
        """Whether it ends, and imports nothing but what rebuilds plain data."""
        return self.complete and set(self.imports) <= DATA

    @property
    def strangers(self) -> tuple[str, ...]:
        """The imports that data do not need."""
        return tuple(name for name in self.imports if name not in DATA)


class _Underflow(ValueError):
    """An opcode takes more than there is: Python would stop here."""


@dataclass(slots=True)
class _Machine:
    """The stack as far as names matter: a string, a mark, or something unknown (``None``)."""

    stack: list[object] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    calls: bool = False

    def step(self, opcode: Any, argument: Any) -> None:
        """One opcode."""
        name = opcode.name
        if name in {"GLOBAL", "INST"}:
            self.imports.add(str(argument).replace(" ", "."))
        elif name in EXTENSIONS:
            self.imports.add(UNKNOWN_NAME)
        if name == "STACK_GLOBAL":
            attribute, module = self._pop(), self._pop()
            known = isinstance(attribute, str) and isinstance(module, str)
            self.imports.add(f"{module}.{attribute}" if known else UNKNOWN_NAME)
            self.stack.append(None)
        elif name in STRINGS:
            self.stack.append(str(argument))
        elif not self._remembers(name, argument):
            self._any(opcode)
        self.calls = self.calls or name in CALLS

    def _remembers(self, name: str, argument: Any) -> bool:
        if name in PUTS or name == "MEMOIZE":
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self._top()
        elif name in GETS:
            self.stack.append(self.memo.get(argument))
        elif name == "DUP":
            self.stack.append(self._top())
        elif name == "POP":
            self._pop()
        else:
            return False
        return True

    def _any(self, opcode: Any) -> None:
        """Any other opcode, by what it declares to take and to leave."""
        before = list(opcode.stack_before)
        if pickletools.stackslice in before:
            while self._pop() is not pickletools.markobject:
                pass
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self._pop()
        self.stack += [item if item is pickletools.markobject else None for item in opcode.stack_after]

    def _top(self) -> object:
        if not self.stack:
            raise _Underflow
        return self.stack[-1]

    def _pop(self) -> object:
        if not self.stack:
            raise _Underflow
        return self.stack.pop()


def follow(data: bytes) -> Story:
    """Follow the pickle that ``data`` begins with."""
    machine, complete, stream = _Machine(), False, io.BytesIO(data[:MOST_BYTES])
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number >= MOST_OPCODES:
                break
            machine.step(opcode, argument)
            complete = opcode.name == "STOP"
    except (ValueError, IndexError, KeyError, OverflowError, struct.error, DeprecationWarning):
        complete = False  # the warning is about an odd escape, where whoever runs this made warnings errors
    return Story(tuple(sorted(machine.imports)), machine.calls, complete, stream.tell())


def begins_pickle(head: bytes) -> bool:
    """Whether bytes without a pickle's magic may begin one of an old protocol: opcodes one behind the other."""
    if not head or head[0] not in OPCODES:
        return False
    story = follow(head)
    shown = calls_names(story) or (story.complete and head[0] in FIRST)
    return shown or story.size > len(head) - LONGEST_ARGUMENT > 0


def is_pickle(story: Story) -> bool:
    """Whether what was followed is no accident: names that are names, and a call or an end."""
    return story.complete or calls_names(story)


def calls_names(story: Story) -> bool:
    """Whether something is called, and by names that are names."""
    names = all(part.isidentifier() for name in story.imports for part in name.split("."))
    return bool(story.imports) and names and story.calls
