"""Exchanges written into one text with marks of a template, as training jobs write them.

1. Known marks: Alpaca's and Vicuna's headings (``### Instruction:``), speakers at the beginning of a line (``Human:``),
   ChatML, Zephyr's, Llama 2's and Llama 3's tokens.
2. What stands before the first mark is a system's text: it is part of the prompt.
3. A text is an exchange when somebody else than the model speaks before the model does, and the model says something.
4. A column holds exchanges when most of its texts are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ASKING, MODEL, CLOSING = "asking", "model", "closing"

MARKS = (
    (r"###[ ]?(?:Instruction|Input|Human|User|System|Question|Context)s?:?[ \t]*(?=\n|$|\S)", ASKING),
    (r"###[ ]?(?:Response|Assistant|Output|Answer)s?:?[ \t]*(?=\n|$|\S)", MODEL),
    (r"^[ \t]*(?:Human|User|System)[ ]?:", ASKING),
    (r"^[ \t]*(?:Assistant|AI|Bot|GPT)[ ]?:", MODEL),
    (r"<\|(?:im_start\|>[ ]?)?(?:user|system|human)(?:\|>)?\s*\n?", ASKING),
    (r"<\|(?:im_start\|>[ ]?)?(?:assistant|model|bot)(?:\|>)?\s*\n?", MODEL),
    (r"<\|start_header_id\|>(?:user|system)<\|end_header_id\|>", ASKING),
    (r"<\|start_header_id\|>assistant<\|end_header_id\|>", MODEL),
    (r"\[INST\](?:[ ]?<<SYS>>)?", ASKING),
    (r"\[/INST\]", MODEL),
    (r"<</SYS>>|<\|im_end\|>|<\|eot_id\|>|<\|end\|>|<\|endoftext\|>|<\|begin_of_text\|>|</?s>", CLOSING),
)
PATTERN = re.compile("|".join(f"({pattern})" for pattern, _ in MARKS), re.MULTILINE)
SPEAKERS = tuple(speaker for _, speaker in MARKS)

PROBED = 200
"""Texts that are looked at to recognise a column, the first by hash."""

FEWEST = 20
MOSTLY = 0.8


def exchange_of(text: str) -> tuple[str, str] | None:
    """(what was asked, what the model answered), turns on lines of their own; nothing if it is no exchange."""
    marks = list(PATTERN.finditer(text))
    if not marks:
        return None
    said: dict[str, list[str]] = {ASKING: [text[: marks[0].start()].strip()], MODEL: []}
    speaker = asked = ""
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        kind = SPEAKERS[(mark.lastindex or 1) - 1]
        # What follows the end of a turn, if anything, goes on with it.
        speaker = speaker if kind == CLOSING else kind
        turn = text[mark.end() : end].strip()
        if speaker and turn:
            said[speaker].append(turn)
            asked = asked or (turn if speaker == ASKING else "")
        if speaker == MODEL and not asked:
            return None
    response = "\n".join(said[MODEL])
    return ("\n".join(filter(None, said[ASKING])), response) if asked and response else None


def holds_exchanges(texts: Sequence[str]) -> bool:
    """Whether most of the first ``texts`` are exchanges."""
    probed = texts[:PROBED]
    hits = sum(exchange_of(text) is not None for text in probed)
    return hits >= max(FEWEST, MOSTLY * len(probed))
