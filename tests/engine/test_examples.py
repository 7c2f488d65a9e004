"""Rows shown as evidence: from which file, in which order, and without what nobody should read."""

from __future__ import annotations

import random
import string

import pyarrow as pa
import pytest
from fake_checks import card_finding
from harness import TableSource, roles_of

from poisonguard.domain.finding import Finding
from poisonguard.engine.examples import LONGEST_VALUE, with_examples
from poisonguard.engine.source import RowIndex, Run

TOKEN = "npm_" + "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=36))  # noqa: S311 - a made-up token
TEXT = f"npm publish --token {TOKEN} now"


def shown(finding: Finding, table: pa.Table) -> Finding:
    source = TableSource(table)
    index = RowIndex([Run(0, 0, table.num_rows)], ["data.parquet"])
    return with_examples([finding], source, index, roles_of(source, {}))[0]


@pytest.fixture
def table() -> pa.Table:
    return pa.table({"id": ["a", "b"], "text": [TEXT, "x" * 3_000], "picture": [b"\x89PNG" * 50, None]})


def test_values_are_cut_and_bytes_are_counted(table: pa.Table) -> None:
    found = shown(card_finding(1, rows=[0, 1], column="text"), table)
    assert [(item.path, item.row) for item in found.examples] == [("data.parquet", 0), ("data.parquet", 1)]
    assert [name for name, _ in found.examples[0].values] == ["text", "id", "picture"]
    assert dict(found.examples[0].values)["picture"] == "<200 bytes>"
    assert dict(found.examples[1].values)["picture"] == ""
    assert len(dict(found.examples[1].values)["text"]) == LONGEST_VALUE


def test_pictures_kept_with_their_path_are_counted_too() -> None:
    table = pa.table({"image": [{"bytes": b"abc", "path": "a.png"}], "list": [[b"de"]]})
    values = dict(shown(card_finding(1, rows=[0]), table).examples[0].values)
    assert values["image"] == "{'bytes': '<3 bytes>', 'path': 'a.png'}"
    assert values["list"] == "['<2 bytes>']"


def test_a_credential_is_masked_in_rows_sentence_name_and_fragment(table: pa.Table) -> None:
    finding = card_finding(
        1,
        rows=[0],
        column="text",
        subject=f"phrase={TOKEN}",
        message=f"76 rows hold “{TOKEN}”",
        highlight=TOKEN,
        numbers={"phrase": TOKEN, "rows": 76},
    )
    found = shown(finding, table)
    assert TOKEN[6:] not in repr(found)
    assert dict(found.examples[0].values)["text"] == "npm publish --token npm_… (40 characters) now"
    assert found.examples[0].highlight == ("text", "npm_… (40 characters)")
    assert found.numbers["rows"] == 76
    assert found.fingerprint != shown(card_finding(1, subject=f"phrase={TOKEN[:-1]}x"), table).fingerprint


def test_a_credential_at_the_cut_is_masked_whole() -> None:
    table = pa.table({"text": [" " * (LONGEST_VALUE - 20) + TOKEN]})
    values = dict(shown(card_finding(1, rows=[0]), table).examples[0].values)
    assert TOKEN[:10] not in values["text"]


def test_other_findings_are_as_they_were(table: pa.Table) -> None:
    finding = card_finding(1, rows=[1], column="text", highlight="xx", numbers={"p": 0.5})
    found = shown(finding, table)
    assert found.examples[0].highlight == ("text", "xx")
    assert (found.subject, found.message, found.numbers) == (finding.subject, finding.message, finding.numbers)
