"""Labels judged by meaning: what an embedding model sees, blind and against a reference, in texts and in pictures."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from harness import CheckRun, run_check
from PIL import Image
from tiny_models import onnx_colours, opinions, static_words

from poisonguard.domain.outcome import Ran, Skipped
from poisonguard.embedders.loading import Embedder, load_embedder

FLIPPED = 40


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder(str(static_words(tmp_path_factory.mktemp("model") / "words")), 2)


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder(str(onnx_colours(tmp_path_factory.mktemp("model") / "colours.onnx")), 2)


def texts(rows: int, flipped: int, seed: int = 1) -> pa.Table:
    return pa.Table.from_pylist(opinions(rows, flipped, seed))


def look(table: pa.Table, embedder: Embedder, reference: pa.Table | None = None, **more: Any) -> CheckRun:
    return run_check("PG-LABEL-003", table, reference, columns={"label": "label"}, embedder=embedder, **more)


def picture(red: int, blue: int, noise: int) -> bytes:
    pixels = np.random.default_rng(noise).integers(0, 60, (12, 12, 3), dtype=np.uint8)
    pixels[..., 0] += np.uint8(red)
    pixels[..., 2] += np.uint8(blue)
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def pictures(rows: int, flipped: int, first: int = 0) -> pa.Table:
    warm = [bool(row % 2) for row in range(rows)]
    data = [picture(150 if item else 0, 0 if item else 150, first + row) for row, item in enumerate(warm)]
    labels = ["warm" if item is (row >= flipped) else "cold" for row, item in enumerate(warm)]
    return pa.table({"image": pa.array(data, pa.binary()), "label": labels})


def test_flipped_labels_are_found_blind(words: Embedder) -> None:
    (finding,) = look(texts(400, FLIPPED), words).findings
    assert set(finding.rows) <= set(range(FLIPPED))
    assert len(finding.rows) >= 0.9 * FLIPPED
    assert finding.numbers["embedding model"] == f"words {words.digest}"


def test_flipped_labels_are_found_against_a_reference(words: Embedder) -> None:
    (finding,) = look(texts(300, FLIPPED), words, texts(400, 0, seed=2)).findings
    assert set(finding.rows) <= set(range(FLIPPED))
    assert finding.message.startswith("By the meaning of text: models of the reference contradict")
    assert look(texts(300, 0), words, texts(400, 0, seed=2)).findings == ()


def test_flipped_pictures_are_found(colours: Embedder) -> None:
    (finding,) = look(pictures(300, FLIPPED), colours).findings
    assert set(finding.rows) == set(range(FLIPPED))
    assert look(pictures(300, 0), colours).findings == ()
    (finding,) = look(pictures(300, FLIPPED), colours, pictures(300, 0, first=1000)).findings
    assert set(finding.rows) == set(range(FLIPPED))


def test_the_cut_into_blocks_and_the_workers_change_nothing(words: Embedder) -> None:
    runs = [look(texts(400, FLIPPED), words, cuts=cuts, workers=2) for cuts in ((), (1, 130, 131))]
    (one,), (other,) = (run.findings for run in runs)
    assert one.rows.tolist() == other.rows.tolist()
    assert (one.message, one.numbers, one.confidence) == (other.message, other.numbers, other.confidence)


def test_only_sampled_rows_are_judged_and_coverage_says_so(words: Embedder) -> None:
    run = look(texts(1600, 240), words, params={"limit": 800})
    assert isinstance(run.outcome, Ran)
    assert run.outcome.coverage.rows_seen == 800
    assert "a sample of 800 rows, embedded with words (sha256:" in run.outcome.coverage.note
    assert 10 < len(run.findings[0].rows) < 160
    assert set(run.findings[0].rows) <= set(range(240))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"embedder": None}, "no embedding model"),
        ({"table": texts(100, 0)}, "too few to learn"),
        ({"table": texts(300, 0).drop_columns(["label"])}, "no label column"),
        ({"table": texts(300, 0).set_column(1, "label", pa.array(["one"] * 300))}, "fewer than two values"),
        ({"table": pa.table({"size": np.arange(300.0), "label": ["a", "b"] * 150})}, "no column of text"),
        ({"table": texts(300, 0).set_column(0, "text", pa.nulls(300, pa.string()))}, "0 rows are too few|no column"),
    ],
)
def test_what_cannot_be_judged_is_skipped_for_a_reason(words: Embedder, change: Any, reason: str) -> None:
    asked = {"table": texts(300, 0), "embedder": words, **change}
    columns = {"label": "label"} if "label" in asked["table"].column_names else {}
    outcome = run_check("PG-LABEL-003", asked["table"], columns=columns, embedder=asked["embedder"]).outcome
    said = outcome.reason if isinstance(outcome, Skipped) else outcome.coverage.note
    assert any(part in said for part in reason.split("|"))


def test_texts_for_a_model_of_pictures_are_skipped(colours: Embedder) -> None:
    assert isinstance(look(texts(300, 0), colours).outcome, Skipped)


def test_rows_that_hold_nothing_are_left_out(words: Embedder) -> None:
    table = texts(400, FLIPPED)
    held = [None if row % 50 == 0 else text for row, text in enumerate(table["text"].to_pylist())]
    (finding,) = look(table.set_column(0, "text", pa.array(held)), words).findings
    assert not {row for row in finding.rows if row % 50 == 0}


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from poisonguard.cli.main import run

    monkeypatch.chdir(tmp_path)
    static_words(tmp_path / "words")
    pa.parquet.write_table(texts(400, FLIPPED), "data.parquet")
    (tmp_path / "poisonguard.yaml").write_text("embeddings: words\n")
    assert run(["scan", "data.parquet", "-f", "json"]) == 1
    assert '"PG-LABEL-003"' in (said := capsys.readouterr().out)
    assert "embedded with words (sha256:" in said
    assert run(["scan", "data.parquet", "--embeddings", "nowhere"]) == 2
    assert "nowhere: no such embedding model" in capsys.readouterr().err
    pack = "name: copies\nwhat: Only whole copies of rows.\nchecks: [{card: PG-DUP-001}]\n"
    (tmp_path / "copies.yaml").write_text(pack)
    assert run(["scan", "data.parquet", "--pack", "copies.yaml"]) == 2
    assert "no check that is run looks at meaning" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("dropped", "reason"),
    [("label", "no label column"), ("text", "no column of text, which the embedding model reads")],
)
def test_a_model_that_has_nothing_to_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropped: str, reason: str
) -> None:
    from poisonguard.errors import UsageError
    from poisonguard.workflow.api import scan

    monkeypatch.chdir(tmp_path)
    static_words(tmp_path / "words")
    numbers = texts(100, 0).append_column("size", pa.array(np.arange(100)))
    with pytest.raises(UsageError, match="the model has nothing to judge here") as caught:
        scan(numbers.drop_columns([dropped]), embeddings="words")
    assert reason in caught.value.message
