"""Data taken apart and put together again: formats, compression, partitions, and what may not happen."""

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

import poisonguard as pg
from poisonguard.cli.main import run
from poisonguard.dataset.chunktree import FIPS_TREE
from poisonguard.domain.finding import Level
from poisonguard.errors import DataError, IntegrityError, UsageError
from poisonguard.workflow import quarantine as module
from poisonguard.workflow.inspect import inspect
from poisonguard.workflow.quarantine import QuarantineRequest, quarantine
from poisonguard.workflow.quarantine_record import FILE_NAME, Record, read_record
from poisonguard.workflow.quarantine_restore import restore
from poisonguard.workflow.scan import ScanRequest

ROWS = 240
COPIED = tuple(range(60, 100))
"""Rows that stand in the data 40 times: a burst of copies, a warning."""
GONE = COPIED[1:]
"""The first one stays."""
PACK = "name: copies\nwhat: Only whole copies of rows, which are easy to plant.\nchecks: [{card: PG-DUP-001}]\n"


def table(seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    words = [" ".join(f"w{word}" for word in random.integers(0, 5000, 12)) for _ in range(ROWS)]
    prices: list[float | None] = random.normal(size=ROWS).round(6).tolist()
    for row in COPIED:
        words[row], prices[row] = "the same text, again\nand “again” with a, comma", 1.5
    prices[7] = None
    return pa.table({"text": words, "price": pa.array(prices, pa.float64())})


def as_csv(path: Path, rows: pa.Table) -> None:
    pyarrow.csv.write_csv(rows, path)


def as_lines(path: Path, rows: pa.Table) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()))


def as_array(path: Path, rows: pa.Table) -> None:
    path.write_text(json.dumps(rows.to_pylist(), indent=1))


def as_parquet(path: Path, rows: pa.Table) -> None:
    rows = rows.replace_schema_metadata({"origin": "a test"})
    pq.write_table(rows, path, row_group_size=50, compression={"text": "zstd", "price": "none"})


def as_arrow(path: Path, rows: pa.Table) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    coded = rows.set_column(0, "text", rows["text"].combine_chunks().dictionary_encode())
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, coded.schema, options=options) as writer:
        writer.write_table(coded, max_chunksize=50)


def as_stream(path: Path, rows: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=50)


FORMATS: dict[str, Callable[[Path, pa.Table], None]] = {
    "data.csv": as_csv,
    "data.jsonl": as_lines,
    "data.json": as_array,
    "data.parquet": as_parquet,
    "data.arrow": as_arrow,
    "data.arrows": as_stream,
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copies.yaml").write_text(PACK)
    (tmp_path / "data").mkdir()
    return tmp_path


def taken(data: str = "data", folder: str = "out", **options: object) -> Record:
    request = ScanRequest(data=data, packs=("copies.yaml",))
    return quarantine(QuarantineRequest(scan=request, folder=Path(folder), **options))  # type: ignore[arg-type]  # options by name


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("suffix", list(PACKED))
@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_is_taken_apart_and_put_together(here: Path, name: str, suffix: str) -> None:
    plain, path = here / name, here / "data" / (name + suffix)
    FORMATS[name](plain, table())
    path.write_bytes(PACKED[suffix](plain.read_bytes()))
    before = bytes_of(here / "data")
    record = taken()
    assert (record.removed_rows, record.clean.rows, record.source.rows) == (len(GONE), ROWS - len(GONE), ROWS)
    assert bytes_of(here / "data") == before
    assert inspect("out/quarantined")[0].manifest.rows == len(GONE)
    restored, version = restore(Path("out"), Path("back"))
    assert restored == record
    again, _ = inspect("back")
    assert again.manifest.rows_digest == record.source.rows_digest
    if not suffix and name in {"data.csv", "data.jsonl", "data.json"}:
        assert version == record.source.version
        assert bytes_of(here / "back") == before


def test_kept_lines_keep_their_bytes(here: Path) -> None:
    as_lines(here / "data" / "a.jsonl", table())
    original = (here / "data" / "a.jsonl").read_bytes().splitlines(keepends=True)
    taken()
    kept = b"".join(line for row, line in enumerate(original) if row not in GONE)
    gone = b"".join(line for row, line in enumerate(original) if row in GONE)
    assert (here / "out" / "clean" / "a.jsonl").read_bytes() == kept
    assert (here / "out" / "quarantined" / "a.jsonl").read_bytes() == gone


def test_parquet_keeps_schema_groups_and_codecs(here: Path) -> None:
    as_parquet(here / "data" / "a.parquet", table())
    taken()
    before = pq.ParquetFile(here / "data" / "a.parquet")
    after = pq.ParquetFile(here / "out" / "clean" / "a.parquet")
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert [after.metadata.row_group(number).num_rows for number in range(5)] == [50, 11, 50, 50, 40]
    codecs = [after.metadata.row_group(0).column(number).compression for number in range(2)]
    assert codecs == ["ZSTD", "UNCOMPRESSED"]
    kept = table().filter(pa.array([row not in GONE for row in range(ROWS)]))
    assert after.read().equals(kept)
    restore(Path("out"), Path("back"))
    whole = pq.ParquetFile(here / "back" / "a.parquet")
    sizes = [whole.metadata.row_group(number).num_rows for number in range(whole.num_row_groups)]
    assert sizes == [50, 50, 50, 50, 40]


def test_arrow_keeps_its_codec(here: Path) -> None:
    as_arrow(here / "data" / "a.arrow", table())
    taken()
    packed = (here / "out" / "clean" / "a.arrow").read_bytes()
    assert b"\x28\xb5\x2f\xfd" in packed, "the magic number of zstd"


def test_partitions_other_files_and_untouched_files_stay(here: Path) -> None:
    for part in range(3):
        folder = here / "data" / f"day={part}"
        folder.mkdir()
        rows = table(part)
        as_parquet(folder / "part-0.parquet", rows if part == 1 else rows.slice(0, 50))
    (here / "data" / "README.md").write_text("Hello.\n")
    record = taken()
    assert [item.path for item in record.files] == ["day=1/part-0.parquet"]
    before, after = bytes_of(here / "data"), bytes_of(here / "out" / "clean")
    assert before.keys() == after.keys()
    same = [path for path in before if before[path] == after[path]]
    assert same == ["README.md", "day=0/part-0.parquet", "day=2/part-0.parquet"]


def test_a_file_of_which_every_row_goes_is_left_empty(here: Path) -> None:
    rows = table()
    as_csv(here / "data" / "a.csv", rows.slice(0, GONE[0]))
    as_csv(here / "data" / "b.csv", rows.slice(GONE[0], len(GONE)))
    taken()
    assert (here / "out" / "clean" / "b.csv").read_text() == '"text","price"\n'
    restore(Path("out"), Path("back"))
    assert bytes_of(here / "back") == bytes_of(here / "data")


def test_the_reasons_of_every_row(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table())
    record = taken()
    lines = [json.loads(line) for line in (here / "out" / "rows.jsonl").read_text().splitlines()]
    assert [line["row"] for line in lines] == list(GONE)
    assert lines[0]["path"] == "a.csv"
    assert lines[0]["checks"] == ["PG-DUP-001"]
    assert lines[0]["fingerprints"] == [record.findings[0].fingerprint]
    assert "copy 1 other row" in lines[0]["reasons"][0]


def test_the_record_is_read_back(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table())
    record = taken()
    assert read_record(here / "out") == record
    assert record.source.version == inspect("data")[0].version
    assert record.clean.version == inspect("out/clean")[0].version
    assert str(here) not in (here / "out" / FILE_NAME).read_text()


def test_the_same_data_give_the_same_folder(here: Path) -> None:
    as_parquet(here / "data" / "a.parquet", table())
    (here / "data" / "b.csv.gz").write_bytes(gzip.compress(b"text,price\nx,1\ny,2\n"))
    taken(folder="one")
    taken(folder="two")
    assert bytes_of(here / "one") == bytes_of(here / "two")


def test_nothing_found_is_a_whole_copy(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table().slice(0, 50))
    record = taken()
    assert (record.removed_rows, record.clean) == (0, record.source)
    assert restore(Path("out"), Path("back"))[1] == record.source.version


def test_findings_checks_and_levels_choose(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table())
    fingerprint = taken(folder="all").findings[0].fingerprint
    assert taken(folder="one", findings=(fingerprint,)).removed_rows == len(GONE)
    assert taken(folder="two", checks=("PG-DUP-001",)).removed_rows == len(GONE)
    assert taken(folder="three", level=Level.ERROR).removed_rows == 0
    with pytest.raises(UsageError, match="no finding 0000"):
        taken(folder="four", findings=("0000",))
    with pytest.raises(UsageError, match="PG-DUP-009 is not in pack"):
        taken(folder="five", checks=("PG-DUP-009",))
    assert not (here / "four").exists()


def test_every_row_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(here / "data" / "a.csv", table())
    monkeypatch.setattr(module, "_rows_of", lambda *_: np.arange(ROWS))
    with pytest.raises(UsageError, match="nothing would be left"):
        taken()


def test_folders_that_are_not_new_are_refused(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table())
    (here / "full").mkdir()
    (here / "full" / "x").touch()
    (here / "file").touch()
    (here / "link").symlink_to("nowhere")
    for folder, message in (
        ("full", "is there already"),
        ("file", "is there already"),
        ("link", "is there already"),
        ("data/out", "lies in the data"),
        ("none/out", "no such folder"),
    ):
        with pytest.raises(UsageError, match=message):
            taken(folder=folder)
    (here / "empty").mkdir()
    assert taken(folder="empty").removed_rows == len(GONE)


def test_an_interrupted_run_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(here / "data" / "a.csv", table())
    before = sorted(path.name for path in here.iterdir())

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        taken()
    assert sorted(path.name for path in here.iterdir()) == before


def test_data_that_change_meanwhile_are_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(here / "data" / "a.csv", table())
    chosen = module._chosen

    def changed(request: QuarantineRequest, finished: object) -> object:
        found = chosen(request, finished)  # type: ignore[arg-type]  # passed on
        path = here / "data" / "a.csv"
        path.write_bytes(path.read_bytes().replace(b"w1", b"w2"))
        return found

    monkeypatch.setattr(module, "_chosen", changed)
    with pytest.raises(DataError, match="changed after it was hashed"):
        taken()
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("clean/a.jsonl", "is not pg1:"),
        ("quarantined/a.jsonl", "not what was taken apart"),
        (FILE_NAME, "Field required|Invalid JSON|Extra"),
    ],
)
def test_altered_quarantines_are_not_restored(here: Path, place: str, message: str) -> None:
    as_lines(here / "data" / "a.jsonl", table())
    taken()
    path = here / "out" / place
    path.write_bytes(path.read_bytes().replace(b"again", b"AGAIN").replace(b"w1", b"w2").replace(b"pack_", b"pick_"))
    with pytest.raises(IntegrityError, match=message):
        restore(Path("out"), Path("back"))
    assert not (here / "back").exists()


def test_removed_quarantined_rows_are_missed(here: Path) -> None:
    as_lines(here / "data" / "a.jsonl", table())
    taken()
    (here / "out" / "quarantined" / "a.jsonl").rename(here / "out" / "quarantined" / "b.jsonl")
    with pytest.raises(IntegrityError, match=r"a\.jsonl is not there"):
        restore(Path("out"), Path("back"))


def test_a_folder_without_a_quarantine(here: Path) -> None:
    with pytest.raises(DataError, match=r"no quarantine\.json"):
        restore(here, Path("back"))


def test_a_table_in_memory_is_refused(here: Path) -> None:
    with pytest.raises(UsageError, match="not a table in memory"):
        quarantine(QuarantineRequest(scan=ScanRequest(data=table()), folder=here / "out"))


def test_one_file_alone(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table())
    taken("data/a.csv")
    assert sorted(bytes_of(here / "out")) == ["clean/a.csv", FILE_NAME, "quarantined/a.csv", "rows.jsonl"]


def test_the_python_api(here: Path) -> None:
    as_csv(here / "data" / "a.csv", table())
    record = pg.quarantine("data", "out", packs=["copies.yaml"], checks=["PG-DUP-001"], fips=True)
    assert (record.removed_rows, record.hash_profile) == (len(GONE), FIPS_TREE.hash_profile)
    assert pg.restore("out", "back") == record.source.version
    assert bytes_of(here / "back") == bytes_of(here / "data")
    with pytest.raises(UsageError, match="no level 'high'"):
        pg.quarantine("data", "new", level="high")


def test_quarantined_rows_are_unfolded_within_limits(here: Path) -> None:
    as_parquet(here / "data" / "a.parquet", table())
    taken()
    forged = pa.table({"text": pa.nulls(400_000_000, pa.null())})
    pq.write_table(forged, here / "out" / "quarantined" / "a.parquet")
    with pytest.raises(DataError, match="unfold"):
        restore(Path("out"), Path("back"))
    assert not (here / "back").exists()


def test_the_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_csv(here / "data" / "a.csv", table())
    arguments = ["--pack", "copies.yaml", "-o", "out", "-q"]
    assert run(["quarantine", "data", *arguments]) == 0
    assert "quarantined 39 rows of 240 in 1 file\n" in capsys.readouterr().out
    assert run(["quarantine", "--restore", "out", "-o", "back"]) == 0
    assert "restored 240 rows" in capsys.readouterr().out
    assert bytes_of(here / "back") == bytes_of(here / "data")
    assert run(["quarantine", "data", *arguments]) == 2
    assert run(["quarantine", "--restore", "out", "-o", "new", "--fips"]) == 2
    assert run(["quarantine", "-o", "new"]) == 2
    assert run(["quarantine", "data", "--restore", "out", "-o", "new"]) == 2
    assert run(["quarantine", "--restore", "out", "--check", "PG-DUP-001", "-o", "new"]) == 2
    assert run(["quarantine", "nowhere", "-o", "new"]) == 3
    assert not os.path.lexists(here / "new")
