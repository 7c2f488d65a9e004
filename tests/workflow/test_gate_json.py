"""The pages that document the gate's JSON name every key and every code, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from evidence_world import World, inventory_of_folder, revoking_root
from simulator import NOW

from poisonguard.attest.trust import pin_of
from poisonguard.policy import approvals, decide, judgement, revoked, scans
from poisonguard.workflow import gate, gating

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CODE = re.compile(r"[a-z]+(-[a-z]+)+|findings|rejected|passed")


@pytest.fixture
def shown(tmp_path: Path) -> dict[str, Any]:
    """What the gate says of a scanned and approved version."""
    (tmp_path / "train.csv").write_bytes(b"a,b\n1,2\n")
    world = World(content=inventory_of_folder(tmp_path), root=revoking_root()).behave()
    world.revoke()
    bundle = world.bundle()
    pin = pin_of(bundle.trust_roots[0])
    return gate.gate(str(tmp_path), bundle, trust_pin=pin, policy=world.policy, now=NOW).to_json()


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def first_cells(page: str) -> list[str]:
    return re.findall(r"^\| `([\w-]+)` \|", (REFERENCE / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_names_every_key_and_no_other(shown: dict[str, Any]) -> None:
    assert set(first_cells("gate-json.md")) == set(keys(shown))


def test_keys_are_written_as_in_the_scan_report(shown: dict[str, Any]) -> None:
    assert [key for key in keys(shown) if not re.fullmatch(r"[a-z][a-zA-Z]*", key)] == []


def test_the_top_level_is_in_the_order_of_the_page(shown: dict[str, Any]) -> None:
    assert first_cells("gate-json.md")[: len(shown)] == list(shown)


def test_the_gate_says_that_it_compared_the_bytes(shown: dict[str, Any]) -> None:
    assert shown["bytesCompared"] is True
    assert first_cells("gate-json.md")[list(shown).index("rows") + 1] == "bytesCompared"


MODULES = [gate, gating, approvals, decide, judgement, revoked, scans]


@pytest.mark.parametrize("module", MODULES)
def test_the_page_of_reasons_names_every_code(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    literals = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    given = {text for text in literals if CODE.fullmatch(text)}
    assert given
    assert given <= set(first_cells("reasons.md"))


def test_the_page_of_reasons_names_no_other_code() -> None:
    source = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in MODULES)
    source += Path(str(gate.__file__)).with_name("gate_decision.py").read_text(encoding="utf-8")
    assert [code for code in first_cells("reasons.md") if f'"{code}"' not in source] == []
