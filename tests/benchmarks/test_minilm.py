"""The graph that is written for MiniLM's weights computes what BERT's encoder is defined to compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from scipy.special import erf, softmax

from benchmarks.detection.minilm import Weights, encoder

HIDDEN, INNER, WORDS, LONGEST = 8, 12, 20, 16
SETTINGS = {"num_attention_heads": 2, "num_hidden_layers": 2, "layer_norm_eps": 1e-12}
Floats = npt.NDArray[np.float64]


def weights() -> Weights:
    draw = np.random.default_rng(4)
    shapes: dict[str, tuple[int, ...]] = {
        f"embeddings.{name}_embeddings.weight": (count, HIDDEN) for name, count in TABLES.items()
    }
    shapes |= norm("embeddings.LayerNorm")
    for layer in ("encoder.layer.0", "encoder.layer.1"):
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= dense(f"{layer}.{part}", HIDDEN, HIDDEN)
        shapes |= dense(f"{layer}.intermediate.dense", INNER, HIDDEN) | dense(f"{layer}.output.dense", HIDDEN, INNER)
        shapes |= norm(f"{layer}.attention.output.LayerNorm") | norm(f"{layer}.output.LayerNorm")
    return {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


TABLES = {"word": WORDS, "position": LONGEST, "token_type": 2}


def norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (HIDDEN,), f"{name}.bias": (HIDDEN,)}


def dense(name: str, out: int, inside: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, inside), f"{name}.bias": (out,)}


def by_definition(held: Weights, ids: list[int]) -> Floats:
    """One text without padding, as Devlin et al. and Vaswani et al. write it."""

    def linear(name: str, state: Floats) -> Floats:
        return np.asarray(state @ held[f"{name}.weight"].T + held[f"{name}.bias"], np.float64)

    def normal(name: str, state: Floats) -> Floats:
        centred = state - state.mean(axis=1, keepdims=True)
        even = centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-12)
        return np.asarray(even * held[f"{name}.weight"] + held[f"{name}.bias"], np.float64)

    def attention(name: str, state: Floats) -> Floats:
        query, key, value = (linear(f"{name}.{part}", state) for part in ("query", "key", "value"))
        width = HIDDEN // 2
        heads = [slice(0, width), slice(width, HIDDEN)]
        return np.hstack([softmax(query[:, at] @ key[:, at].T / np.sqrt(width), axis=1) @ value[:, at] for at in heads])

    tables = [held[f"embeddings.{name}_embeddings.weight"].astype(np.float64) for name in TABLES]
    state = normal("embeddings.LayerNorm", tables[0][ids] + tables[1][: len(ids)] + tables[2][0])
    for layer in ("encoder.layer.0", "encoder.layer.1"):
        seen = linear(f"{layer}.attention.output.dense", attention(f"{layer}.attention.self", state))
        state = normal(f"{layer}.attention.output.LayerNorm", seen + state)
        inner = linear(f"{layer}.intermediate.dense", state)
        inner = inner * (1 + erf(inner / np.sqrt(2))) / 2
        state = normal(f"{layer}.output.LayerNorm", linear(f"{layer}.output.dense", inner) + state)
    return state


def computed(held: Weights, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Any:
    session = onnxruntime.InferenceSession(encoder(held, SETTINGS).SerializeToString())
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return session.run(None, given)[0]


def test_it_is_the_encoder_and_padding_changes_nothing() -> None:
    held, long, short = weights(), [1, 5, 7, 2, 2, 9], [3, 4, 11]
    ids = np.array([long, [*short, 0, 0, 0]])
    vectors = computed(held, ids, np.array([[1] * 6, [1, 1, 1, 0, 0, 0]]))
    assert np.allclose(vectors[0], by_definition(held, long), atol=1e-4)
    assert np.allclose(vectors[1, :3], by_definition(held, short), atol=1e-4)
    unmasked = computed(held, ids, np.ones_like(ids))
    assert not np.allclose(unmasked[1, :3], by_definition(held, short), atol=1e-2)
