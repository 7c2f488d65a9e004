"""What nested columns hold in the way of text.

1. A chat is a list of turns that say who speaks and what; a dialogue is a list of texts by two who take turns, and is
   known by its name. Both are read as prompts and responses, so that nothing of them but what else the turns hold is
   inner text.
2. Every other string inside a struct, a list or a map is inner text, map keys too: a row's are joined by line ends, in
   the order of the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

SPEAKERS = ("role", "from", "author", "speaker")
"""Fields that say who speaks: OpenAI's and ShareGPT's, and two older ones."""
CONTENTS = ("content", "value", "text", "message")
"""Fields that say what."""
DIALOGUES = frozenset(["dialog", "dialogue", "conversation", "conversations", "exchange", "turns"])
"""Names of lists of texts in which two take turns, the one who asks first."""

Rows = npt.NDArray[np.int64]
Piece = tuple[Rows, pa.Array]
"""Row of each text, ascending, and the texts."""


def chat_fields(kind: pa.DataType) -> tuple[str, str] | None:
    """The fields of a chat's turns that say who speaks and what; nothing for other types."""
    turn = kind.value_type if pt.is_list(kind) else None
    if turn is None or not pt.is_struct(turn):
        return None
    held = {field.name for field in turn if pt.is_string(field.type)}
    speaker, content = (next((name for name in names if name in held), None) for names in (SPEAKERS, CONTENTS))
    return None if speaker is None or content is None else (speaker, content)


def is_dialogue(name: str, kind: pa.DataType) -> bool:
    """Whether a column is a list of texts by two who take turns."""
    return bool(pt.is_list(kind) and pt.is_string(kind.value_type)) and name.lower() in DIALOGUES


def inner_texts(name: str, array: pa.Array) -> pa.Array:
    """The strings inside each row of a nested column, joined; null where there are none, shape (rows,)."""
    pieces = list(_pieces(name, array))
    if not pieces:
        return pa.nulls(len(array), pa.large_string())
    rows = np.concatenate([rows for rows, _ in pieces])
    order = np.argsort(rows, kind="stable")
    texts = pa.concat_arrays([pc.cast(texts, pa.large_string()) for _, texts in pieces]).take(pa.array(order))
    counts = np.bincount(rows, minlength=len(array))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), pa.scalar("\n", pa.large_string()))
    return pc.if_else(pa.array(counts > 0), joined, None)


def declares_inner_texts(name: str, declared: str) -> bool:
    """Whether a column whose Arrow type is written as ``declared`` has room for inner text.

    A name that looks like a type is taken for one: such a column is looked into in vain.
    """
    if "string" not in declared or (name.lower() in DIALOGUES and _LIST_OF_TEXTS.fullmatch(declared)):
        return False
    turn = _LIST_OF_STRUCTS.fullmatch(declared)
    fields = _TEXT_FIELD.findall(turn[1]) if turn else []
    read = (next((field for field in names if field in fields), "") for names in (SPEAKERS, CONTENTS))
    return not (turn and all(read) and "<" not in turn[1] and len(fields) == 2)  # noqa: PLR2004 - who and what


_LIST_OF_TEXTS = re.compile(r"list<\w+: string>")
_LIST_OF_STRUCTS = re.compile(r"list<\w+: struct<(.*)>>")
_TEXT_FIELD = re.compile(r"(?:^|, )([^,:]+): string\b")


def _pieces(name: str, array: pa.Array) -> Iterator[Piece]:
    if is_dialogue(name, array.type):
        return
    read = chat_fields(array.type) or ()
    yield from _leaves(array, np.arange(len(array)), read)


def _leaves(array: pa.Array, rows: Rows, without: Sequence[str] = ()) -> Iterator[Piece]:
    """The strings in ``array``, whose values belong to ``rows``; of the first structs not the fields ``without``."""
    kind = array.type
    if pt.is_string(kind):
        held = ~np.asarray(array.is_null())
        yield rows[held], array.drop_null()
    elif pt.is_list(kind):
        parents = pc.list_parent_indices(array).to_numpy(zero_copy_only=False)
        yield from _leaves(pc.list_flatten(array), rows[parents], without)
    elif pt.is_map(kind):
        # The children of a slice are those of the whole array.
        offsets = np.asarray(array.offsets) if len(array) else np.zeros(1, np.int32)
        for child in (array.keys, array.items):
            inside = child.slice(offsets[0], offsets[-1] - offsets[0])
            yield from _leaves(inside, np.repeat(rows, np.diff(offsets)))
    elif pt.is_struct(kind):
        for field in kind:
            if field.name not in without:
                yield from _leaves(pc.struct_field(array, [kind.get_field_index(field.name)]), rows)
