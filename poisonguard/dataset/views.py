"""Columns that are made from nested ones while reading, so that detectors see what a training job sees.

1. A chat (a list of turns that say who speaks and what) becomes two texts: what was asked (``messages.prompt``: every
   turn but the model's) and what the model is to say (``messages.response``), turns on lines of their own. Of a pair of
   chats the rejected one adds what the model is not to say (``rejected.response``). A dialogue (a list of texts, by
   its name) is a chat in which every second text is learnt.
2. A picture kept with its path, as Hugging Face datasets keep it, becomes its bytes (``image.bytes``).
3. Made columns are never hashed or signed: digests are of the rows as they lie in the files.
4. A made column never takes the name of a real one: whoever adds such a column does not blind the detectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from poisonguard.dataset.arrowtypes import columns_of
from poisonguard.domain.dataset import Column
from poisonguard.domain.roles import Assignment, Role
from poisonguard.kernels.nested import chat_fields, is_dialogue

MODEL = frozenset({"assistant", "gpt", "chatgpt", "bing", "bard", "model", "bot", "ai"})
"""Speakers whose turns are learnt; the others' are what they are answers to."""

REJECTED = "rejected"
"""Name of the chat that people liked less, beside one that they liked more."""

Make = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True, slots=True)
class View:
    """One made column.

    Attributes:
        name: What it is called.
        base: The column it is made from.
        role: What it means.
        type: What it holds.
        reason: Why it is made, for people.
        make: Makes its values, shape (rows,) to (rows,).
    """

    name: str
    base: str
    role: Role
    type: pa.DataType
    reason: str
    make: Make


@dataclass(frozen=True, slots=True)
class Views:
    """The made columns of a table."""

    views: tuple[View, ...] = ()

    @classmethod
    def of(cls, schema: pa.Schema) -> Views:
        """Everything that can be made from the columns of ``schema``."""
        taken = set(schema.names)
        found = [view for field in schema for view in (*_chat(field), *_dialogue(field), *_picture(field))]
        return cls(tuple(_named(view, taken) for view in found))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The made columns."""
        return columns_of(pa.schema([(view.name, view.type) for view in self.views]))

    @property
    def roles(self) -> tuple[Assignment, ...]:
        """What they mean."""
        return tuple(Assignment(view.name, view.role, view.reason) for view in self.views)

    @property
    def read_inside(self) -> frozenset[str]:
        """Nested columns whose content is read."""
        return frozenset(view.base for view in self.views)

    def needed(self, columns: Sequence[str]) -> list[str]:
        """Columns to read so that ``columns`` can be had."""
        made = {view.name: view.base for view in self.views}
        return list(dict.fromkeys(made.get(name, name) for name in columns))

    def extended(self, table: pa.RecordBatch, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """The rows with made columns: all after the real ones, or ``columns`` in that order."""
        if columns is None:
            columns = [*table.schema.names, *(view.name for view in self.views)]
        made = {view.name: view for view in self.views if view.name in set(columns)}
        if not made and list(columns) == table.schema.names:
            return table
        arrays = [_made(made[name], table) if name in made else table.column(name) for name in columns]
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _made(view: View, table: pa.RecordBatch) -> pa.Array:
    return view.make(table.column(view.base)).cast(view.type)


def _named(view: View, taken: set[str]) -> View:
    name = view.name
    while name in taken:
        name += "_"
    taken.add(name)
    return View(name, view.base, view.role, view.type, view.reason, view.make)


def _chat(field: pa.Field) -> Iterator[View]:
    read = chat_fields(field.type)
    if read is None:
        return
    for part, role, learnt in _parts(field):
        who = "the model's turns" if learnt else "the turns before the model's"
        reason = f"{who} in {field.name!r}, by {read[0]!r} and {read[1]!r}"
        yield View(f"{field.name}.{part}", field.name, role, pa.string(), reason, _Turns(*read, learnt))


def _parts(field: pa.Field) -> list[tuple[str, Role, bool]]:
    """Name, role and whether it is learnt, of what a chat is taken apart into."""
    if field.name.lower() == REJECTED:
        return [("response", Role.REJECTED, True)]  # what was asked is the same in both
    return [("prompt", Role.PROMPT, False), ("response", Role.RESPONSE, True)]


def _dialogue(field: pa.Field) -> Iterator[View]:
    if not is_dialogue(field.name, field.type):
        return
    for part, role, learnt in _parts(field):
        who = "every second text, from the second on," if learnt else "every second text, from the first on,"
        reason = f"{who} in {field.name!r}, in which two take turns"
        yield View(f"{field.name}.{part}", field.name, role, pa.string(), reason, _Alternating(learnt))


@dataclass(frozen=True, slots=True)
class _Turns:
    """The turns of one side, joined; null where there is no chat at all."""

    speaker: str
    content: str
    learnt: bool

    def __call__(self, chats: pa.ListArray) -> pa.Array:
        turns, chat = pc.list_flatten(chats), pc.list_parent_indices(chats)
        spoken = pc.utf8_lower(pc.fill_null(pc.struct_field(turns, self.speaker), ""))
        by_model = pc.is_in(spoken, value_set=pa.array(sorted(MODEL)))
        kept = by_model if self.learnt else pc.invert(by_model)
        texts = pc.fill_null(pc.struct_field(turns, self.content), "").filter(kept)
        return _joined(chats, chat.filter(kept), texts)


@dataclass(frozen=True, slots=True)
class _Alternating:
    """Every second text of a dialogue, joined; null where there is no dialogue at all."""

    learnt: bool

    def __call__(self, dialogues: pa.ListArray) -> pa.Array:
        texts, parents = pc.list_flatten(dialogues), pc.list_parent_indices(dialogues)
        rows = parents.to_numpy(zero_copy_only=False)
        counts = np.bincount(rows, minlength=len(dialogues))
        places = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
        kept = pa.array(places % 2 == int(self.learnt))
        return _joined(dialogues, parents.filter(kept), pc.fill_null(texts, "").filter(kept))


def _joined(lists: pa.ListArray, rows: pa.Array, texts: pa.Array) -> pa.Array:
    """The texts of each row on lines of their own; null where the row's list is."""
    counts = np.bincount(rows.to_numpy(zero_copy_only=False), minlength=len(lists))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "\n")
    return pc.if_else(pc.is_valid(lists), joined, None)


def _picture(field: pa.Field) -> Iterator[View]:
    if not pt.is_struct(field.type):
        return
    held = {item.name: item.type for item in field.type}
    if held.keys() == {"bytes", "path"} and pt.is_binary(held["bytes"]):
        reason = f"the bytes of the pictures in {field.name!r}"
        yield View(f"{field.name}.bytes", field.name, Role.IMAGE, pa.binary(), reason, _bytes_of)


def _bytes_of(pictures: pa.StructArray) -> pa.Array:
    return pc.struct_field(pictures, "bytes")
