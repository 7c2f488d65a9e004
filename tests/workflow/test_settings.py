"""Settings: found outside the data only, and wrong in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from poisonguard.domain.roles import Role
from poisonguard.errors import ConfigurationError, UsageError
from poisonguard.workflow.settings import find_settings, load_settings, overrides

CASES = [
    ("data.csv", True),
    ("missing", True),
    ("*.csv", True),
    ("sub", True),
    ("sub/*", True),
    ("s3://bucket/x", True),
    ("", True),
    ("x" * 5000, True),
    (".", False),
    ("./", False),
    ("*", False),
    ("**", False),
    ("**/*.yaml", False),
    ("p*", False),
    ("sub/..", False),
    ("file://{root}", False),
    ("file://{root}/*", False),
    ("~", False),
    ("link", False),
]


@pytest.mark.parametrize(("data", "believed"), CASES)
def test_settings_in_the_data_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, *, believed: bool
) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "data.csv").write_text("a,b\n1,2\n")
    (root / "poisonguard.yaml").write_text("packs: [text]\n")
    (root / "link").symlink_to(".")
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(root))
    found = find_settings(data.format(root=root))
    assert found == (root / "poisonguard.yaml" if believed else None)


def test_settings_are_looked_for_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    (tmp_path / "poisonguard.yaml").touch()
    monkeypatch.chdir(inside)
    assert find_settings("data.csv") == tmp_path / "poisonguard.yaml"
    assert find_settings("..") == tmp_path / "poisonguard.yaml"
    assert find_settings("../..") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("packs: [a\n", "line 2: "),
        ("a: b: c\n", "line 1: "),
        ("colour: red\n", "colour: "),
        ("columns: {nope: x}\n", "columns.nope"),
        ("datasets: {a: {policy: x}}\n", "datasets.a.policy: "),
        ("- 1\n", "top level: "),
        ("\x00", "poisonguard.yaml: "),
    ],
)
def test_a_wrong_file_is_one_line_with_a_hint(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "poisonguard.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"poisonguard\.yaml: [^\n]+$") as caught:
        load_settings(path)
    assert said in caught.value.message
    assert caught.value.hint


def test_an_option_goes_before_a_setting() -> None:
    settings = {Role.LABEL: "a", Role.TEXT: ("b", "c")}
    assert overrides(settings, ["label=d=e"]) == {"d=e": "label", "b": "text", "c": "text"}
    for wrong in ("label", "label=", "colour=a"):
        with pytest.raises(UsageError):
            overrides({}, [wrong])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("packs: [text]\npolicy: a.yaml\npacks: [baseline]\n", "line 3: not valid YAML: key 'packs' is given twice"),
        ("datasets:\n  a: {contract: x}\n  a: {contract: y}\n", "line 3: not valid YAML: key 'a' is given twice"),
        ("columns: &c {label: x}\ndatasets: {a: {columns: *c}}\n", "line 2: not valid YAML: aliases"),
        ("[]", "top level: "),
    ],
)
def test_settings_that_say_two_things_are_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "poisonguard.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_settings(tmp_path / "poisonguard.yaml")
    assert f"poisonguard.yaml: {why}" in refused.value.message
