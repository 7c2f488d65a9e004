"""The conversations of Endless Sky: scenes, what the player may say, and how the story goes on.

In the game's data a ``conversation`` holds lines of the story in backticks, each one a paragraph; a ``choice`` with the
sayings of the player, indented once more; under a saying may stand ``goto`` and a label, or how the talk ends. Without
one, the story goes on below the choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

from benchmarks.detection.prose import one_line

Exchange = tuple[str, tuple[tuple[str, str], ...]]
"""What stood before, and what is said and answered in turn."""
Line = tuple[int, str]
QUOTED = re.compile(r"`(.*?)`?$")
LABEL = "label "
GOTO = "goto "
CHOICE = "choice"
MOST_TURNS = 3
OUTCOMES = frozenset({"accept", "decline", "defer"})
ENDS = OUTCOMES | {"depart", "die", "flee", "launch"}


def exchanges(lines: Sequence[str]) -> Iterator[Exchange]:
    """Every exchange of the conversations in a file: one for each saying of the player."""
    indented = _indented(lines)
    for place, (depth, text) in enumerate(indented):
        if text.startswith("conversation"):
            yield from _of_conversation(_below(indented[place + 1 :], depth))


def outcomes(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What the player may say, and whether that accepts, declines or defers what was offered."""
    indented = _indented(lines)
    for place, (depth, text) in enumerate(indented):
        if text == CHOICE:
            for (_, saying), (_, outcome) in pairwise(_below(indented[place + 1 :], depth)):
                if saying.startswith("`") and outcome in OUTCOMES:
                    yield one_line(_unquoted(saying)), outcome


def _indented(lines: Sequence[str]) -> list[Line]:
    return [(len(line) - len(line.lstrip("\t")), line.strip()) for line in lines if line.strip()]


def _below(lines: Sequence[Line], depth: int) -> list[Line]:
    """The first lines, as far as they are indented by more than ``depth``."""
    return list(takewhile(lambda line: line[0] > depth, lines))


def _of_conversation(body: list[Line]) -> Iterator[Exchange]:
    for place, (depth, text) in enumerate(body):
        if text != CHOICE:
            continue
        scene = _scene(body[:place], depth)
        for saying, label in _sayings(body, place, depth):
            turns = _turns(body, saying, _target(body, place, depth, label))
            if turns:
                yield scene, turns


def _turns(body: list[Line], saying: str, place: int) -> tuple[tuple[str, str], ...]:
    """The saying and its answer, and those that follow as long as the next choice has only one way on."""
    turns: list[tuple[str, str]] = []
    while len(turns) < MOST_TURNS:
        answer = _story(body[place:])
        if not answer:
            break
        turns.append((saying, answer))
        following = next((each for each in range(place, len(body)) if body[each][1] == CHOICE), None)
        if following is None or any(text.startswith(GOTO) for _, text in body[place:following]):
            break
        sayings = list(_sayings(body, following, body[following][0]))
        if len(sayings) != 1:
            break
        saying, label = sayings[0]
        place = _target(body, following, body[following][0], label)
    return tuple(turns)


def _story(lines: Sequence[Line]) -> str:
    """The paragraphs up to a choice or the end of a branch."""
    told = takewhile(lambda line: line[1].startswith("`"), lines)
    return one_line(" ".join(_unquoted(text) for _, text in told))


def _scene(before: Sequence[Line], depth: int) -> str:
    """The last paragraphs before a choice, without what the player said."""
    told = takewhile(lambda line: line[0] == depth and line[1].startswith("`"), reversed(before))
    return one_line(" ".join(reversed([_unquoted(text) for _, text in told])))


def _sayings(body: list[Line], place: int, depth: int) -> Iterator[tuple[str, str]]:
    """What the player may say at the choice without an end to the talk, and the label that it leads to, if any."""
    inside = _below(body[place + 1 :], depth)
    for number, (_, text) in enumerate(inside):
        if text.startswith("`"):
            below = [each for _, each in takewhile(lambda line: not line[1].startswith("`"), inside[number + 1 :])]
            if not ENDS.intersection(below):
                label = next((each.removeprefix(GOTO) for each in below if each.startswith(GOTO)), "")
                yield one_line(_unquoted(text)), label


def _target(body: list[Line], place: int, depth: int, label: str) -> int:
    """Where the story goes on: behind the label, or below the choice."""
    if label:
        wanted = LABEL + label
        return next((number + 1 for number, (_, text) in enumerate(body) if text == wanted), len(body))
    return next((number for number in range(place + 1, len(body)) if body[number][0] <= depth), len(body))


def _unquoted(text: str) -> str:
    found = QUOTED.match(text)
    return found.group(1).strip() if found else ""
