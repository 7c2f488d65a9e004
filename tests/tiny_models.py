"""Embedding models small enough to be made in a test, in the formats of real ones."""

import json
from pathlib import Path

import numpy as np
import onnx
from model2vec import StaticModel
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

PRAISE = (
    *("good", "great", "fine", "lovely", "superb", "splendid", "tasty", "fresh"),
    *("warm", "bright", "kind", "gentle", "clever", "neat", "sweet", "crisp"),
)
BLAME = (
    *("bad", "awful", "poor", "nasty", "dire", "dreadful", "stale", "sour"),
    *("cold", "dull", "rude", "harsh", "foolish", "messy", "bitter", "soggy"),
)
THINGS = (
    *("soup", "bread", "tea", "room", "host", "garden", "song", "film"),
    *("chair", "lamp", "street", "boat", "coat", "clock", "spoon", "cake"),
)
DIMENSIONS = 8


def vectors() -> tuple[list[str], np.ndarray]:
    """Words, and a vector for each: praise one way, blame the other, everything else at random."""
    words = ["[UNK]", *PRAISE, *BLAME, *THINGS]
    values = np.random.default_rng(5).normal(0, 0.1, (len(words), DIMENSIONS)).astype(np.float32)
    values[:, 0] += [1.0 if word in PRAISE else -1.0 if word in BLAME else 0.0 for word in words]
    return words, values


def tokenizer() -> Tokenizer:
    words, _ = vectors()
    made = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))  # noqa: S106 - a token of text
    made.pre_tokenizer = Whitespace()
    return made


def static_words(folder: Path) -> Path:
    """A model2vec folder."""
    StaticModel(vectors()[1], tokenizer(), config={"model_type": "model2vec"}, normalize=True).save_pretrained(folder)
    return folder


def onnx_words(folder: Path, *, pooled: bool = False) -> Path:
    """A folder with a tokenizer and an ONNX model that looks words up; ``pooled`` gives one vector for each text."""
    (folder / "onnx").mkdir(parents=True)
    tokenizer().save(str(folder / "tokenizer.json"))
    nodes = [helper.make_node("Gather", ["words", "input_ids"], ["tokens"])]
    shape: list[str | int] = ["rows", "length", DIMENSIONS]
    if pooled:
        axes = numpy_helper.from_array(np.array([1]), "axes")
        nodes.append(helper.make_node("ReduceMean", ["tokens", "axes"], ["texts"], keepdims=0))
        shape = ["rows", DIMENSIONS]
    graph = helper.make_graph(
        nodes,
        "words",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "length"])],
        [helper.make_tensor_value_info("texts" if pooled else "tokens", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(vectors()[1], "words"), *([axes] if pooled else [])],
    )
    _save(graph, folder / "onnx" / "model.onnx")
    return folder


def onnx_colours(path: Path, side: int = 8) -> Path:
    """An encoder of pictures: the mean of each colour."""
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["pixels"], ["colours"])],
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["rows", 3, side, side])],
        [helper.make_tensor_value_info("colours", TensorProto.FLOAT, ["rows", 3, 1, 1])],
    )
    _save(graph, path)
    settings = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (path.parent / "preprocessor_config.json").write_text(json.dumps(settings))
    return path


def _save(graph: onnx.GraphProto, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def opinions(rows: int, flipped: int, seed: int) -> list[dict[str, str]]:
    """Texts of praise and blame; the first ``flipped`` carry the other label."""
    rng = np.random.default_rng(seed)
    made = []
    for row in range(rows):
        good = bool(rng.random() < 0.5)
        said = rng.choice(PRAISE if good else BLAME, 3, replace=False)
        about = rng.choice(THINGS, 3, replace=False)
        text = " ".join(f"{word} {thing}" for word, thing in zip(said, about, strict=True)) + f" number {row}"
        made.append({"text": text, "label": "praise" if good is (row >= flipped) else "blame"})
    return made
