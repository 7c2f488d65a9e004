"""Numbers with their nouns."""

import ast
import re
from pathlib import Path

import pytest

import poisonguard
from poisonguard.domain.wording import count, counts


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1000, "1,000 files"), (-1, "-1 files")]
)
def test_one_is_one_and_all_else_is_many(number: int, said: str) -> None:
    assert count(number, "file") == said


def test_a_plural_of_its_own_is_taken() -> None:
    assert [count(number, "more person", "more people") for number in (1, 2)] == ["1 more person", "2 more people"]


def test_several_stand_in_order() -> None:
    assert counts(file=1, byte=0, row=2000) == "1 file, 0 bytes, 2,000 rows"


BY_HAND = re.compile(r"\} (files|rows|bytes|statements|findings|people|checkpoints|clusters|groups|approvals)\b")


def by_hand(path: Path) -> list[str]:
    """Sentences in a module that put a plural noun behind whatever number comes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    return [text for text in texts if BY_HAND.search(text)]


SHOWN = [Path(poisonguard.__file__).parent / folder for folder in ("cli", "airflow")]


@pytest.mark.parametrize(
    "path", [path for folder in SHOWN for path in sorted(folder.rglob("*.py"))], ids=lambda path: path.stem
)
def test_no_plural_is_spelled_by_hand(path: Path) -> None:
    assert by_hand(path) == []
