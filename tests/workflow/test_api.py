"""The Python API does what the command line does, on paths and on tables in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import poisonguard as pg
from poisonguard.cli.main import run
from poisonguard.domain.result import Assessment


def frame(rows: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    size = draw.normal(5, 1, rows)
    return pd.DataFrame({"size": size, "label": np.where(size + draw.normal(0, 0.1, rows) > 5, "big", "small")})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_frames_and_arrow_tables_are_the_same_data(here: Path) -> None:
    frame().to_parquet("data.parquet", index=False)
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    results = [pg.scan(item) for item in ("data.parquet", Path("data.parquet"), frame(), table, table.to_batches()[0])]
    assert len({result.manifest.rows_digest for result in results}) == 1
    assert {result.assessment for result in results} == {Assessment.CLEAN}


class Capsule:
    """What polars, DuckDB and others hand over."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


def test_anything_with_the_arrow_stream_interface_is_scanned(here: Path) -> None:
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    assert pg.scan(Capsule(table)).manifest.rows_digest == pg.scan(table).manifest.rows_digest


def test_files_are_written_when_asked(here: Path) -> None:
    result = pg.scan(frame(), name="sizes", reports=["out.json", "out.html"], scores="scores.parquet")
    assert result.dataset == "sizes"
    assert Path("out.json").exists()
    assert Path("out.html").read_text().startswith("<!doctype html>")
    assert len(pd.read_parquet("scores.parquet")) == 300


def test_roles_by_name(here: Path) -> None:
    result = pg.scan(frame().rename(columns={"label": "grade"}), columns={"label": "grade", "feature": ["size"]})
    assert result.roles.of("grade") == "label"
    assert result.roles.of("size") == "feature"


@pytest.mark.parametrize(
    ("data", "error", "named"),
    [
        (42, pg.UsageError, "int"),
        ("missing.csv", pg.NothingToScan, "missing.csv"),
        (pd.DataFrame(), pg.DataError, ""),
        (frame().head(0), pg.NothingToScan, "no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), pg.UnreadableData, "'a'"),
        (pd.DataFrame({"a": [1, "x", object()]}), pg.UnreadableData, "memory"),
    ],
)
def test_what_cannot_be_scanned_is_one_clear_error(
    here: Path, data: Any, error: type[pg.PoisonguardError], named: str
) -> None:
    with pytest.raises(error) as caught:
        pg.scan(data)
    assert named in caught.value.message
    assert "\n" not in caught.value.message


def test_every_public_name_loads_and_is_listed() -> None:
    assert pg.__all__ == sorted(pg.__all__)
    assert dir(pg) == pg.__all__
    for name in pg.__all__:
        assert getattr(pg, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = pg.nonsense


def test_without_a_workspace_nothing_can_be_signed_or_gated(here: Path) -> None:
    frame().to_csv("data.csv", index=False)
    with pytest.raises(pg.UsageError):
        pg.sign("data.csv", key="k.key")
    with pytest.raises(pg.UsageError):
        pg.gate("data.csv")
    with pytest.raises(pg.UsageError):
        pg.approve("data@1", key="k.key", reason="why")


def test_sign_approve_gate(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISONGUARD_PASSPHRASE", "for this test only")
    Path("data").mkdir()
    frame().to_parquet("data/rows.parquet", index=False)
    for person in ("ann", "bob"):
        assert run(["keys", "new", f"{person}.key"]) == 0
    people = ["--person", "ann=ann.key.pub", "--person", "bob=bob.key.pub"]
    roles = ["--role", "root=ann", "--role", "publisher=ann", "--role", "scanner=ann", "--role", "steward=bob"]
    assert run(["trust", "init", "--key", "ann.key", *people, *roles]) == 0
    published = pg.sign("data", key="ann.key")
    assert published.title == "data@1"
    with pytest.raises(pg.GateFailed) as caught:
        pg.gate("data")
    assert caught.value.decision is not None
    assert caught.value.exit_code == 5
    assert run(["scan", "data", "--sign", "ann.key", "--quiet"]) == 0
    pg.approve("data@1", key="bob.key", reason="looked at it")
    assert (pg.gate("data").passed, pg.gate("data").notes) == (True, ())
    assert run(["bundle", "export", "data@1", "-o", "data.pgbundle"]) == 0
    assert_the_notes_reach_the_caller(monkeypatch)
    Path("data/rows.parquet").write_bytes(Path("data/rows.parquet").read_bytes()[:-1] + b"?")
    with pytest.raises(pg.IntegrityError, match=r"rows\.parquet"):
        pg.gate("data")
    pg.reject("data@1", key="bob.key", reason="changed my mind")
    with pytest.raises(pg.GateFailed):
        pg.gate("data")


def assert_the_notes_reach_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    data, bundle, trust = (Path(name).resolve() for name in ("data", "data.pgbundle", ".poisonguard/trust.json"))
    with monkeypatch.context() as elsewhere:
        elsewhere.chdir("/")
        (note,) = pg.gate(data, bundle=bundle, trust=trust).notes
        assert note.startswith("nothing is remembered here")
        assert pg.open_dataset(data, bundle=bundle, trust=trust).decision.notes == (note,)


def wide() -> pd.DataFrame:
    """Honest rows of several measurements."""
    draw = np.random.default_rng(4)
    return frame(600).assign(**{name: draw.normal(size=600) for name in ("weight", "width", "height")})


def copies(extra: dict[str, str]) -> pd.DataFrame:
    """Honest rows, then sixty copies of one of them; ``extra`` columns hold one value throughout."""
    honest = wide()
    return pd.concat([honest, honest.iloc[[5] * 60]], ignore_index=True).assign(**extra)


@pytest.mark.parametrize("extra", [{}, {"lang": "en"}])
def test_a_new_constant_column_does_not_hide_copies(extra: dict[str, str], here: Path) -> None:
    result = pg.scan(copies(extra), reference=wide())
    assert "PG-DUP-001" in {item.check for item in result.findings if item.signal == "poisoning"}
    assert result.assessment is Assessment.SUSPICIOUS


def chats() -> pa.Table:
    turns = [[{"role": "user", "content": f"question {number}"}] for number in range(50)]
    return pa.table({"messages": turns, "size": np.arange(50) * 1.5})


def test_chats_are_read_inside_and_other_nested_columns_are_said_not_to_be(here: Path) -> None:
    with_tags = chats().append_column("tags", pa.array([["a", "b"]] * chats().num_rows))
    result = pg.scan(with_tags)
    assert {item.column: item.role.value for item in result.roles.assignments}["messages.response"] == "response"
    assert [note for note in result.notes if "not read inside" in note and "tags" in note and "messages" not in note]


def test_strings_inside_nested_columns_are_read_by_rules_and_the_rest_is_said(here: Path) -> None:
    with_meta = chats().append_column("meta", pa.array([{"k": "x"}] * 50)).append_column("v", pa.array([[1.5]] * 50))
    notes = [note for note in pg.scan(with_meta).notes if "not read inside" in note]
    assert ["meta" in note and "rules" in note for note in notes] == [True, False]
    assert "v" in notes[1]


def test_rows_that_hold_nothing_are_said_to_hold_nothing(here: Path) -> None:
    result = pg.scan(pa.table({"a": pa.nulls(60), "b": pa.array([None] * 60, pa.string())}))
    assert [note for note in result.notes if note.startswith("no column holds a value")]
    assert not [note for note in pg.scan(chats()).notes if "no column" in note]


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"text": "messages"}, "messages"),
        ({"label": "messages"}, "messages"),
        ({"label": ["size", "messages"]}, "label"),
    ],
)
def test_a_role_that_a_column_cannot_play_is_refused(columns: dict[str, Any], named: str, here: Path) -> None:
    with pytest.raises(pg.UsageError, match=named):
        pg.scan(chats(), columns=columns)


@pytest.mark.parametrize("options", [{"fail_on": "bad"}, {"workers": 0}, {"workers": -2}])
def test_a_value_that_cannot_be_is_a_usage_error(options: dict[str, Any], here: Path) -> None:
    with pytest.raises(pg.UsageError, match=next(iter(options))):
        pg.scan(frame(), **options)


def test_a_contract_that_cannot_be_read_is_named(here: Path) -> None:
    (here / "rules.json").write_text("id,label\n", encoding="utf-8")
    with pytest.raises(pg.UsageError, match=r"rules\.json: the contract is not valid JSON") as caught:
        pg.scan(frame(), contract="rules.json")
    assert "write-a-data-contract" in (caught.value.hint or "")
