"""What the peers are given: a matrix of features and the labels of one case. Runs in the peers' environment."""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peers.
from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler

MOST_TERMS = 20_000
DIMENSIONS = 64
MOST_CATEGORIES = 30
SIDE = 28


@dataclass(frozen=True)
class Given:
    """One case for the peers.

    Attributes:
        dense: Features, standardised; shape (rows, features).
        model: Features for a classifier: sparse TF-IDF for texts, else ``dense``.
        texts: The texts, if any.
        labels: Class of each row as a number, if there are classes.
    """

    dense: np.ndarray
    model: np.ndarray | sparse.spmatrix
    texts: list[str] | None
    labels: np.ndarray | None


def read_given(candidate: Path, columns: dict[str, str]) -> Given:
    """Features of the files in ``candidate``."""
    frame = pd.concat([_read(path) for path in sorted(candidate.iterdir())], ignore_index=True)
    labels = None if "label" not in columns else pd.factorize(frame[columns["label"]].astype(str), sort=True)[0]
    texts = _texts(frame, columns)
    if texts is not None:
        terms = TfidfVectorizer(ngram_range=(1, 2), max_features=MOST_TERMS, sublinear_tf=True).fit_transform(texts)
        dense = TruncatedSVD(min(DIMENSIONS, terms.shape[1] - 1), random_state=0).fit_transform(terms)
        return Given(dense, terms, texts, labels)
    if "image" in columns:
        pixels = np.array([_pixels(value) for value in frame[columns["image"]]])
        dense = PCA(DIMENSIONS, random_state=0).fit_transform(pixels)
    else:
        dense = _numbers(frame.drop(columns=[columns[role] for role in ("label", "source") if role in columns]))
    dense = StandardScaler().fit_transform(dense)
    return Given(dense, dense, None, labels)


def _texts(frame: pd.DataFrame, columns: dict[str, str]) -> list[str] | None:
    """Texts, or prompts and responses, or what is said in a chat."""
    carriers = [columns[role] for role in ("text", "prompt", "response") if role in columns]
    if carriers:
        return frame[carriers].fillna("").astype(str).agg("\n".join, axis=1).tolist()
    chats = [name for name in frame.columns if isinstance(frame[name].iloc[0], list)]
    if chats:
        return ["\n".join(map(_said, turns)) for turns in frame[chats[0]]]
    return None


def _said(turn: dict[str, str]) -> str:
    """What is said in one turn, in the words of either shape of chats."""
    return turn.get("content") or turn.get("value") or ""


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])


def _pixels(value: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(value)).convert("RGB").resize((SIDE, SIDE))
    return np.asarray(image, dtype=float).ravel() / 255


def _numbers(frame: pd.DataFrame) -> np.ndarray:
    """Numbers as they are, missing ones as the median; the commonest categories one-hot."""
    blocks = []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            values = pd.to_numeric(column).astype(float)
            blocks.append(values.fillna(values.median()).fillna(0.0).to_numpy()[:, None])
        else:
            common = column.value_counts().index[:MOST_CATEGORIES]
            blocks.append(
                (column.astype(str).to_numpy()[:, None] == common.astype(str).to_numpy()[None, :]).astype(float)
            )
    return np.hstack(blocks)
