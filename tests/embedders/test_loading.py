"""Embedding models of every kind, small ones in the formats of real ones; what is none is one clear line."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_models import BLAME, PRAISE, onnx_colours, onnx_words, static_words

from poisonguard.embedders.loading import digest_of, load_embedder
from poisonguard.embedders.vectors import in_batches, unit
from poisonguard.errors import ConfigurationError

TEXTS = [f"{word} soup" for word in (*PRAISE, *BLAME)] * 30
Make = Callable[[Path], Path]
TEXT_MODELS: dict[str, Make] = {
    "static": static_words,
    "tokens": onnx_words,
    "pooled": lambda folder: onnx_words(folder, pooled=True),
}


@pytest.mark.parametrize("kind", list(TEXT_MODELS))
def test_texts_of_like_meaning_lie_near_each_other(tmp_path: Path, kind: str) -> None:
    model = load_embedder(str(TEXT_MODELS[kind](tmp_path / "words")), workers=2)
    assert model.reads == "text"
    vectors = model.texts(TEXTS)
    assert (model.name, len(vectors)) == ("words", len(TEXTS))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.01)
    good, bad = vectors[: len(PRAISE)], vectors[len(PRAISE) : len(PRAISE) + len(BLAME)]
    assert (good @ good.T).mean() > 0.5
    assert (good @ bad.T).mean() < 0


@pytest.mark.parametrize("kind", list(TEXT_MODELS))
def test_a_text_has_one_vector_whatever_stands_beside_it_and_however_many_threads(tmp_path: Path, kind: str) -> None:
    folder = str(TEXT_MODELS[kind](tmp_path / "words"))
    one, many = load_embedder(folder, workers=1), load_embedder(folder, workers=4)
    assert one.reads == many.reads == "text"
    together = many.texts([*TEXTS, "good soup " * 40])
    assert np.array_equal(together[:-1], one.texts(TEXTS))
    if kind != "pooled":  # what such a model makes of padding is its own business
        assert np.array_equal(together[:3], np.concatenate([one.texts([text]) for text in TEXTS[:3]]))


def test_pictures_are_brought_to_the_size_that_the_encoder_wants(tmp_path: Path) -> None:
    model = load_embedder(str(onnx_colours(tmp_path / "colours.onnx")), workers=2)
    red, blue = np.zeros((2, 32, 32, 3), np.uint8), np.zeros((2, 32, 32, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    assert model.reads == "picture"
    vectors = model.pictures(np.concatenate([red, blue]))
    assert model.name == "colours"
    assert np.allclose(vectors[0], np.array([1, -1, -1]) / np.sqrt(3), atol=0.001)
    assert np.array_equal(vectors[0], vectors[1])
    assert vectors[0] @ vectors[2] < 0


def test_the_digest_binds_every_file(tmp_path: Path) -> None:
    folder = onnx_words(tmp_path / "words")
    before = load_embedder(str(folder), workers=1).digest
    shutil.copytree(folder, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == before
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + "\n")
    assert digest_of(folder) != before
    picture = onnx_colours(tmp_path / "colours.onnx")
    alone = digest_of(picture)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    assert digest_of(picture) != alone


def test_an_installed_package_carries_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    static_words(tmp_path / "carrier_of_words" / "model")
    (tmp_path / "carrier_of_words" / "__init__.py").write_text("raise SystemExit('its code was run')")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_embedder("package:carrier_of_words", workers=1).name == "carrier_of_words"


def refused(where: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_embedder(where, workers=1)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "no such embedding model" in refused(str(tmp_path / "nothing")).message
    assert "no such package" in refused("package:no_such_package_at_all").message
    assert "no such package" in refused("package:os.path").message
    assert "no such package" in refused("package:").message
    (tmp_path / "empty").mkdir()
    assert "no embedding model that is known here" in refused(str(tmp_path / "empty")).message
    (tmp_path / "a.pt").write_bytes(b"\x80\x04.")
    assert "not an ONNX file" in refused(str(tmp_path / "a.pt")).message
    (tmp_path / "bad.onnx").write_bytes(b"these bytes are no model")
    assert "not readable as an embedding model" in refused(str(tmp_path / "bad.onnx")).message
    folder = static_words(tmp_path / "cut")
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    assert "not readable as an embedding model" in refused(str(folder)).message
    (folder / "config.json").write_text("{")
    assert "not readable as an embedding model" in refused(str(folder)).message


@pytest.mark.parametrize(("lacking", "make"), [("model2vec", static_words), ("onnxruntime", onnx_words)])
def test_what_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, make: Make
) -> None:
    folder = make(tmp_path / "words")
    monkeypatch.setitem(sys.modules, lacking, None)
    error = refused(str(folder))
    assert f"{lacking} is not installed" in error.message
    assert "poisonguard[embeddings]" in str(error.hint)


def test_a_model_that_only_sentence_transformers_runs(tmp_path: Path) -> None:
    """The command that was run by hand with the real library is in docs/how-to/embeddings.md."""
    assert importlib.util.find_spec("sentence_transformers") is None, "then this test must use it"
    (tmp_path / "modules.json").write_text(json.dumps([]))
    error = refused(str(tmp_path))
    assert "sentence_transformers is not installed" in error.message
    assert "pip install sentence-transformers" in str(error.hint)


def test_vectors_that_are_no_numbers_become_nothing() -> None:
    found = unit([[3.0, 4.0], [np.nan, 0.0], [np.inf, 1.0], [0.0, 0.0]])
    assert found.tolist()[0] == pytest.approx([0.6, 0.8])
    assert found.tolist()[1] == [0, 0]
    assert found.tolist()[3] == [0, 0]
    assert in_batches([], 4, lambda values: values, 2).shape == (0, 0)
