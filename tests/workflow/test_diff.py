"""What differs is told exactly: by file, row group, row and column, for data and for versions whose bytes are gone."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from evidence_project import START, Project, poisonguard
from hypothesis import given, settings
from hypothesis import strategies as st

import poisonguard as pg
from poisonguard.attest.trust import RoleName
from poisonguard.cli.main import cli
from poisonguard.dataset import blocks, matching
from poisonguard.domain.difference import Change, Difference, Likeness, RowDifferences, RowPlace, RowsNotCompared
from poisonguard.errors import UnknownVersion, UsageError
from poisonguard.reports.difference import document, render_text
from poisonguard.workflow import diff_files, trust_root
from poisonguard.workflow.diff import DiffRequest, diff
from poisonguard.workflow.scan import ScanRequest, open_scan
from poisonguard.workflow.sign import sign
from poisonguard.workflow.sign_scan import publish_scan

NOW = START + timedelta(minutes=30)
TABLE = pa.table({"id": [f"k{index:03d}" for index in range(300)], "n": range(300), "t": ["x", None, "é"] * 100})


def compare(before: Path | str, after: Path | str, **options: Any) -> Difference:
    return diff(DiffRequest(str(before), str(after), **options), NOW)


def rows(difference: Difference) -> RowDifferences:
    assert isinstance(difference.rows, RowDifferences)
    return difference.rows


def write(path: Path, table: pa.Table, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path.parent


def csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink)
    return sink.getvalue()


ENCODINGS: dict[str, Callable[[Path], object]] = {
    "row groups": lambda path: pq.write_table(TABLE, path / "a.parquet", row_group_size=17),
    "compression": lambda path: pq.write_table(TABLE, path / "a.parquet", compression="zstd", use_dictionary=False),
    "order": lambda path: pq.write_table(TABLE.take(list(range(299, -1, -1))), path / "a.parquet"),
    "partition": lambda path: [pq.write_table(TABLE.slice(at, 100), path / f"{at}.parquet") for at in (0, 100, 200)],
    "csv": lambda path: (path / "a.csv").write_bytes(csv(TABLE)),
    "csv.gz": lambda path: (path / "a.csv.gz").write_bytes(gzip.compress(csv(TABLE))),
    "jsonl": lambda path: (path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in TABLE.to_pylist())),
    "feather": lambda path: pyarrow.feather.write_feather(TABLE, path / "a.feather"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_rows_in_eight_encodings(tmp_path: Path, encoding: str) -> None:
    write(tmp_path / "one/z.parquet", TABLE)
    (tmp_path / "two").mkdir()
    ENCODINGS[encoding](tmp_path / "two")
    found = compare(tmp_path / "one", tmp_path / "two")
    assert found.likeness is Likeness.SAME_ROWS
    assert found.before.rows_digest == found.after.rows_digest
    assert found.before.version != found.after.version
    assert (rows(found).same, rows(found).added, rows(found).removed, rows(found).changed) == (300, 0, 0, 0)
    assert render_text(found).splitlines()[-1].startswith("the same rows: ")


def test_identical_data(tmp_path: Path) -> None:
    write(tmp_path / "one/a.parquet", TABLE)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    found = compare(tmp_path / "one", tmp_path / "two")
    assert (found.likeness, found.files.same, found.units.same) == (Likeness.IDENTICAL, 1, 1)
    assert render_text(found).splitlines()[-1] == "identical: the same files, byte for byte"


def test_every_kind_of_change_of_a_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, files in (
        (one, {"gone": "g", "same": "s", "edited": "e", "old/name": "n", "empty1": "", "twin1": "t", "twin2": "t"}),
        (two, {"new": "w", "same": "s", "edited": "f", "moved/name": "n", "empty2": "", "twin3": "t"}),
    ):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    found = compare(one, two).files
    assert found.same == 1
    assert [(item.change, item.before, item.path) for item in found.named] == [
        (Change.CHANGED, None, "edited"),
        (Change.REMOVED, None, "empty1"),
        (Change.ADDED, None, "empty2"),
        (Change.REMOVED, None, "gone"),
        (Change.RENAMED, "old/name", "moved/name"),
        (Change.ADDED, None, "new"),
        (Change.REMOVED, None, "twin2"),
        (Change.RENAMED, "twin1", "twin3"),
    ]
    assert found.counts == {Change.ADDED: 2, Change.REMOVED: 3, Change.CHANGED: 1, Change.RENAMED: 2}


def test_many_changes_are_counted_and_the_first_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff_files, "MOST_NAMED", 2)
    monkeypatch.setattr(diff_files, "GROUP", 3)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for index in range(10):
            (tmp_path / folder / f"{index}").write_text(f"{folder} {index}")
            (tmp_path / folder / f"{folder}{index}").write_text(f"only {folder} {index}")
    found = compare(tmp_path / "one", tmp_path / "two").files
    assert found.counts == {Change.ADDED: 10, Change.REMOVED: 10, Change.CHANGED: 10, Change.RENAMED: 0}
    assert [item.path for item in found.named] == ["0", "1", "one0", "one1", "two0", "two1"]
    assert found.unnamed == 24


def test_columns_added_removed_retyped_and_moved(tmp_path: Path) -> None:
    one = write(tmp_path / "one/a.parquet", pa.table({"a": [1], "b": ["x"], "c": [1], "d": [1.5]}))
    two = write(tmp_path / "two/a.parquet", pa.table({"d": [1.5], "a": ["1"], "b": ["x"], "e": [True]}))
    found = compare(one, two)
    assert [(item.name, item.before is None, item.after is None) for item in found.schema.columns] == [
        ("a", False, False),
        ("c", False, True),
        ("e", True, False),
    ]
    assert found.schema.reordered
    text = render_text(found)
    assert "columns" in text
    assert "  ~ a  integer (int64) -> string (string)" in text
    assert "1 added, 1 removed, 1 of another type, in another order" in text


def test_changed_rows_are_told_by_the_id_or_the_key(tmp_path: Path) -> None:
    changed = TABLE.to_pylist()
    changed[7]["n"] = -1
    changed[8]["id"] = "fresh"
    del changed[9]
    one = write(tmp_path / "one/a.parquet", TABLE)
    two = write(tmp_path / "two/a.parquet", pa.Table.from_pylist(changed, schema=TABLE.schema))
    found = rows(compare(one, two))
    assert (found.key, found.same, found.added, found.removed, found.changed) == ("id", 297, 1, 2, 1)
    assert found.examples[Change.CHANGED] == (RowPlace("a.parquet", 7),)
    assert found.examples[Change.ADDED] == (RowPlace("a.parquet", 8),)
    assert found.examples[Change.REMOVED] == (RowPlace("a.parquet", 8), RowPlace("a.parquet", 9))
    by_number = rows(compare(one, two, key="n"))
    assert (by_number.key, by_number.added, by_number.removed, by_number.changed) == ("n", 1, 2, 1)
    assert by_number.examples[Change.CHANGED] == (RowPlace("a.parquet", 8),)
    with pytest.raises(UsageError, match="no column 'none'"):
        compare(one, two, key="none")


def test_without_a_key_changed_rows_are_removed_and_added(tmp_path: Path) -> None:
    one = write(tmp_path / "one/a.parquet", pa.table({"x": [1.5, 2.5, 2.5], "y": [0.5, 0.5, 0.5]}))
    two = write(tmp_path / "two/a.parquet", pa.table({"x": [1.5, 2.5, 3.5], "y": [0.5, 0.5, 0.5]}))
    found = rows(compare(one, two))
    assert (found.key, found.same, found.added, found.removed, found.changed) == (None, 2, 1, 1, None)
    assert "name one with --key" in render_text(compare(one, two))


def test_rows_without_a_key_are_not_changed_into_one_another(tmp_path: Path) -> None:
    one = write(tmp_path / "one/a.parquet", pa.table({"k": [None, None, "a"], "v": [1, 2, 3]}))
    two = write(tmp_path / "two/a.parquet", pa.table({"k": [None, None, "a"], "v": [1, 5, 4]}))
    found = rows(compare(one, two, key="k"))
    assert (found.same, found.added, found.removed, found.changed) == (1, 1, 1, 1)


ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=40)


@settings(max_examples=25)
@given(before=ROWS, after=ROWS, group=st.integers(1, 9), key=st.booleans())
def test_rows_are_a_difference_of_multisets(
    before: list[tuple[int, int]],
    after: list[tuple[int, int]],
    group: int,
    key: bool,  # noqa: FBT001 - drawn
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "MEMORY_LIMIT", 100)
        patch.setattr(blocks, "BLOCK_ROWS", 4)
        for name, content in (("one", before), ("two", after)):
            table = pa.table({"k": [k for k, _ in content], "v": [v for _, v in content]})
            write(folder / name / "a.parquet", table, row_group_size=group)
        found = rows(compare(folder / "one", folder / "two", key="k" if key else None))
    gone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    gone_keys, new_keys = (Counter(k for k, _ in side.elements()) for side in (gone, new))
    changed = (gone_keys & new_keys).total() if key else 0
    assert found.same == (Counter(before) & Counter(after)).total()
    assert (found.added, found.removed) == (new.total() - changed, gone.total() - changed)
    assert (found.changed or 0) == changed
    for place in found.examples[Change.ADDED]:
        assert after[place.row] in new


# Versions


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project.start(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    return project


def publish(project: Project, *, scanned: bool, minutes: int) -> None:
    """Publish what lies there, with or without a profile."""
    now = START + timedelta(minutes=minutes)
    with project.workspace as workspace:
        sign(workspace, str(project.data), [project.keys["pub"]], now)
    if scanned:
        request = ScanRequest(data=str(project.data), keep_profile=True, compare=False)
        with open_scan(request) as finished:
            publish_scan(finished, request, [project.keys["ci"]], now)


def test_versions_by_name_number_and_digest(project: Project) -> None:
    publish(project, scanned=False, minutes=1)
    project.write("c.csv", "id,label\n4,pos\n5,neg\n")
    publish(project, scanned=False, minutes=2)
    found = compare("reviews@1", "reviews@2")
    assert (found.before.name, found.after.name) == ("reviews@1", "reviews@2")
    assert found.files.counts[Change.ADDED] == 1
    assert rows(found).added == 2, "what is only added needs no rows of the older version"
    assert rows(found).examples[Change.ADDED] == (RowPlace("c.csv", 0), RowPlace("c.csv", 1))
    digest = found.before.version
    assert compare(digest, "reviews@1").likeness is Likeness.IDENTICAL
    assert compare("reviews@2", project.data).likeness is Likeness.IDENTICAL
    with pytest.raises(UnknownVersion):
        compare("reviews@1", "nobody@9")


def test_rows_that_are_not_here_are_never_a_silent_zero(project: Project) -> None:
    publish(project, scanned=False, minutes=1)
    shutil.rmtree(project.folder / ".poisonguard" / "cache", ignore_errors=True)
    project.write("a.csv", "id,label\n1,pos\n2,pos\n")
    found = compare("reviews@1", project.data)
    assert found.rows == RowsNotCompared("the data of reviews@1 are not here; give the path of its data")
    assert "rows: not compared: the data of reviews@1" in render_text(found)
    assert document(found)["rows"] == {"compared": False, "reason": found.rows.reason}


def test_a_stored_profile_tells_the_rows(project: Project) -> None:
    publish(project, scanned=True, minutes=1)
    shutil.rmtree(project.folder / ".poisonguard" / "cache", ignore_errors=True)
    project.write("a.csv", "id,label\n1,pos\n2,pos\n")
    found = rows(compare("reviews@1", project.data))
    assert (found.same, found.added, found.removed, found.changed) == (2, 1, 1, None)
    assert "the data of reviews@1 are not here" in found.without_key


def test_a_version_that_nobody_who_may_published_is_refused(project: Project) -> None:
    publish(project, scanned=False, minutes=1)
    request = project.request(without=("pub",))
    request = replace(
        request,
        people={**request.people, "new": (project.keys["mallory"].public,)},
        roles={**request.roles, RoleName.PUBLISHER: ("new",)},
    )
    with project.workspace as workspace:
        trust_root.update(workspace, trust_root.next_root(workspace, request, [project.keys["olga"]], START)[1])
    with pytest.raises(UnknownVersion, match="nobody who may"):
        compare("reviews@1", project.data)


# The command


def test_the_command(project: Project) -> None:
    publish(project, scanned=False, minutes=1)
    project.write("c.csv", "id,label\n4,\x1b[31mpos\n")
    done = CliRunner().invoke(cli, ["diff", "reviews@1", "reviews", "-f", "json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["files"]["added"] == 1
    assert poisonguard("diff", "reviews@1", "reviews") == 0
    assert poisonguard("diff", "reviews@1", "reviews", "--exit-code") == 1
    assert poisonguard("diff", "reviews", "reviews", "--exit-code") == 0
    assert poisonguard("diff", "reviews@1", "nothing") == 2


def test_the_python_api(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one/a.parquet", TABLE), write(tmp_path / "two/a.parquet", TABLE.slice(1))
    found = pg.diff(one, two, key="n")
    assert rows(found).removed == 1
    assert found.units.same_rows == 0
