"""YAML that somebody wrote: what is read, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poisonguard.errors import ConfigurationError
from poisonguard.plugin.card import load_card, load_pack
from poisonguard.plugin.strict_yaml import MAX_BYTES, load_yaml


def load(folder: Path, text: str | bytes) -> Any:
    path = folder / "some.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_yaml(path, hint="look here")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1\nb: [x, 2.5, null]\n", {"a": 1, "b": ["x", 2.5, None]}),
        ("a:\n  x: 1\nb:\n  x: 2\n", {"a": {"x": 1}, "b": {"x": 2}}),
        ("1: a\n'1': b\n", {1: "a", "1": "b"}),
        ("[]", []),
    ],
)
def test_plain_values_are_read(tmp_path: Path, text: str, value: object) -> None:
    assert load(tmp_path, text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: not valid YAML: key 'a' is given twice"),
        ("x:\n  a: 1\n  'a': 2\n", "line 3: not valid YAML: key 'a' is given twice"),
        ("x: {a: 1, b: 2,\n  a: 1}\n", "line 2: not valid YAML: key 'a' is given twice"),
        ("- a: 1\n  a: 1\n", "line 2: not valid YAML: key 'a' is given twice"),
        ("a: &x [1]\nb: *x\n", "line 2: not valid YAML: aliases are not accepted"),
        ("a: 1\n<<: {b: 2}\n", "line 2: not valid YAML: could not determine a constructor"),
        ("a: 1\nb: !!python/object/apply:os.system [id]\n", "line 2: not valid YAML: could not determine"),
        ("a: [\n", "line 2: not valid YAML: expected the node content"),
        ("a: 1\n\tb: 2\n", "line 2: not valid YAML: found character"),
        (b"\xff\xfe\x00", "not valid YAML: 'utf-8' codec"),
        ("a: \x07\n", "not valid YAML: "),
        ("[" * 100_000, "not valid YAML: "),
        ("? [a, b]\n: 1\n? [a, b]\n: 2\n", "line 3: not valid YAML: key ['a', 'b'] is given twice"),
        ("x" * (MAX_BYTES + 1), "it is larger than 1,048,576 bytes"),
    ],
)
def test_all_else_is_refused_in_one_line(tmp_path: Path, text: str | bytes, why: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, text)
    assert refused.value.message.startswith(f"{tmp_path / 'some.yaml'}: {why}")
    assert "\n" not in refused.value.message
    assert refused.value.hint == "look here"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: it cannot be read: No such file"):
        load_yaml(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="it cannot be read: Is a directory"):
        load_yaml(tmp_path)


def test_packs_and_cards_are_read_by_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text("name: mine\nname: yours\n")
    for read in (lambda: load_pack(str(path)), lambda: load_card(path)):
        with pytest.raises(ConfigurationError, match="line 2: not valid YAML: key 'name' is given twice"):
            read()
