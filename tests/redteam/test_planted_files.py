"""Planted files hold what they are said to hold, do nothing, and are told for what they are."""

from __future__ import annotations

import pickletools
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from poisonguard.dataset.opening import open_dataset
from poisonguard.detectors.unsafe_files import LEVELS
from poisonguard.domain.filefact import FileFact, FileKind
from poisonguard.domain.finding import Level
from poisonguard.domain.roles import Roles
from poisonguard.errors import UsageError
from poisonguard.redteam.attack import Attack
from poisonguard.redteam.catalogue import ATTACKS, attack_named
from poisonguard.redteam.inert_pickles import CALLED, HARMLESS, WRITINGS, inert_pickle
from poisonguard.redteam.unsafe_cells import EncodedProgram, SpreadsheetFormula

TABLE = pa.table({"text": [f"row {number}" for number in range(40)]})
PLANTING = tuple(attack for attack in ATTACKS if attack.plants)
EACH = pytest.mark.parametrize("attack", PLANTING, ids=lambda attack: attack.name)
SEEDS = range(6)


def planted(attack: Attack, seed: int) -> dict[str, bytes]:
    poisoned = attack.apply_count(TABLE, Roles(()), 8, np.random.default_rng(seed))
    return dict(poisoned.files)


def facts(folder: Path, files: dict[str, bytes]) -> tuple[FileFact, ...]:
    (folder / "rows.jsonl").write_text('{"text": "row"}\n' * 5)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    with open_dataset(str(folder)) as dataset:
        return dataset.facts.kept


@EACH
def test_every_planted_file_is_told_by_itself(attack: Attack, tmp_path: Path) -> None:
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        files = planted(attack, seed)
        grave = {fact.path for fact in facts(folder, files) if LEVELS[fact.kind] is not Level.NOTE}
        assert grave == set(files)


@EACH
def test_as_many_files_as_are_asked_for_up_to_the_most_that_are_tried(attack: Attack) -> None:
    for count, expected in ((1, 1), (3, 3), (1000, max(attack.counts))):
        poisoned = attack.apply_count(TABLE, Roles(()), count, np.random.default_rng(0))
        assert len(poisoned.files) == expected
        assert poisoned.table is TABLE
    with pytest.raises(UsageError, match="no rows"):
        attack.apply_count(TABLE.slice(0, 0), Roles(()), 1, np.random.default_rng(0))


def test_a_planted_pickle_calls_what_it_says_with_a_harmless_word() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        strings = Counter(
            str(argument)
            for opcode, argument, _ in _opcodes(inert_pickle(rng))
            if isinstance(argument, str) and opcode.name not in {"GLOBAL", "INST"}
        )
        assert set(strings) - {HARMLESS} <= {name for pair in CALLED for name in pair}
        assert strings[HARMLESS] == 1


def _opcodes(data: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, object, int | None]]:
    """The opcodes up to where the pickle ends or breaks off."""
    with suppress(ValueError):
        yield from pickletools.genops(data)


@pytest.mark.parametrize("writing", WRITINGS, ids=lambda writing: writing.__name__)
def test_every_way_to_write_a_pickle_is_followed_to_its_name(writing: object, tmp_path: Path) -> None:
    assert callable(writing)
    for number, (module, name) in enumerate(CALLED):
        folder = tmp_path / str(number)
        folder.mkdir()
        (fact,) = facts(folder, {"a.bin": writing(module, name)})
        assert fact.kind is FileKind.CODE_PICKLE
        assert f"{module}.{name}" in fact.detail


def test_a_pickle_in_letters_behind_a_picture_is_seen(tmp_path: Path) -> None:
    picture = planted(attack_named("polyglot-picture"), 0)
    png = next(content for content in picture.values() if content.startswith(b"\x89PNG"))
    end = png.index(b"IEND") + 8
    letters = WRITINGS[0]("os", "system")
    for behind, kind in (
        (letters, FileKind.POLYGLOT),
        (b"copied from the archive\nin two parts.\n", FileKind.TRAILING),
    ):
        folder = tmp_path / kind.name
        folder.mkdir()
        assert [fact.kind for fact in facts(folder, {"a.png": png[:end] + behind})] == [kind]


def test_formulas_stand_alone_in_their_cell_and_programs_among_sentences() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        formula = SpreadsheetFormula().rewrite("Some text.", rng)
        assert formula[0] in "=+-@"
        assert "Some text" not in formula
        program = EncodedProgram().rewrite("One sentence. Another one.", rng)
        assert {"One", "sentence.", "Another", "one."} < set(program.split())
