"""Which embedding model lies at a place, and what its files are.

Rules:

1. A model is a folder, an ONNX file, or ``package:NAME``, an installed package that carries one. Nothing is fetched.
2. The digest binds every file that could be read, by path and content.
3. Weights come from safetensors or ONNX: pickles would run code, and are never opened.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poisonguard.embedders.onnx_pictures import OnnxPictures
from poisonguard.embedders.onnx_text import OnnxText
from poisonguard.embedders.sentences import Sentences
from poisonguard.embedders.static_text import StaticText
from poisonguard.errors import ConfigurationError

PACKAGE = "package:"
EXTRA = "Install the extra: pip install 'poisonguard[embeddings]'."
KINDS = "Give a folder of a model2vec, ONNX or sentence-transformers model, an ONNX file, or package:NAME."
ONNX_NAMES = ("model.onnx", "onnx/model.onnx")
Embedder = StaticText | OnnxText | OnnxPictures | Sentences


def load_embedder(where: str, workers: int) -> Embedder:
    """The model at ``where``.

    Raises:
        ConfigurationError: There is none, it cannot be read, or what reads it is not installed.
    """
    place = _place(where)
    name = place.stem if place.is_file() else where.removeprefix(PACKAGE).rstrip("/").rpartition("/")[2]
    try:
        return _load(place, name, workers)
    except ImportError as error:
        lacking = error.name or str(error)
        more = "" if lacking != "sentence_transformers" else " Or: pip install sentence-transformers."
        raise ConfigurationError(f"{where}: {lacking} is not installed, which reads it", hint=EXTRA + more) from error
    except ConfigurationError:
        raise
    except Exception as error:  # each library has its own errors for files that are no model
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigurationError(f"{where}: not readable as an embedding model: {said[0]}", hint=KINDS) from error


def _load(place: Path, name: str, workers: int) -> Embedder:
    folder = place if place.is_dir() else place.parent
    digest = digest_of(place)
    models = [place] if place.is_file() else [place / item for item in ONNX_NAMES if (place / item).is_file()]
    tokenizer = folder / "tokenizer.json"
    if models and tokenizer.is_file() and place.is_dir():
        return OnnxText.load(models[0], tokenizer, name, digest, workers)
    if models:
        return OnnxPictures.load(models[0], name, digest, workers)
    if _is_static(place):
        return StaticText.load(place, name, digest, workers)
    if (place / "modules.json").is_file():
        return Sentences.load(place, name, digest)
    raise ConfigurationError(f"{place.name}: no embedding model that is known here", hint=KINDS)


def digest_of(place: Path) -> str:
    """``sha256:`` over the paths and contents of a model's files, in order."""
    total = hashlib.sha256()
    for name, path in _files(place):
        with path.open("rb") as file:
            total.update(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    if place.is_file():
        yield place.name, place
        beside = place.parent / "preprocessor_config.json"
        if beside.is_file():
            yield beside.name, beside
        return
    found = (path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    yield from sorted((path.relative_to(place).as_posix(), path) for path in found)


def _place(where: str) -> Path:
    if not where.startswith(PACKAGE):
        place = Path(where)
        if not place.exists():
            raise ConfigurationError(f"{where}: no such embedding model", hint=KINDS)
        if place.is_file() and place.suffix != ".onnx":
            raise ConfigurationError(f"{where}: not an ONNX file", hint=KINDS)
        return place
    name = where.removeprefix(PACKAGE)
    # Only a top-level name: finding a submodule would run its parents.
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    if not folders:
        raise ConfigurationError(f"{where}: no such package is installed", hint=KINDS)
    held = folders[0] / "model"
    return held if held.is_dir() else folders[0]


def _is_static(folder: Path) -> bool:
    """Whether it is of model2vec: as that library writes it, or as sentence-transformers writes the same."""
    said, modules = _said(folder / "config.json"), _said(folder / "modules.json")
    if isinstance(said, dict) and said.get("model_type") == "model2vec":
        return True
    return isinstance(modules, list) and any(str(item.get("type", "")).endswith("StaticEmbedding") for item in modules)


def _said(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
