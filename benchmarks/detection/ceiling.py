"""The ceiling of label attacks: what a model finds that was trained on the honest labels.

Out-of-fold probabilities of boosted trees and extra trees (tables); of extra trees, a support-vector machine and
nearest neighbours (pictures and other wide tables, by pixel); or of logistic regression on TF-IDF (texts); all trained
on the labels before the attack. The score is the log-odds that another label than the given one fits better.
The ceiling is the best of the models and of every mean of some.
A flipped row whose honest class the model cannot tell cannot be found by contradiction: that is the Bayes error.
"""

from __future__ import annotations

import io
import json
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from benchmarks.detection.build import Files
from benchmarks.detection.measures import Mask, Scores, measure

NAME = "ceiling"
VERSION = "5"
FOLDS = 5
FEWEST_ROWS = 2
"""A class with fewer rows than folds is only split over as many as it has."""
LEAST = 1e-6
MOST_TERMS = 20_000
MOST_FOR_BOOSTING = 100
"""Columns; pixels are more."""
DIMENSIONS = 64
NEIGHBOURS = 10
SIDE = 24


def ceiling_of(files: Files, columns: dict[str, str]) -> dict[str, Any]:
    """Recall of the oracle, where the attack changed nothing but labels."""
    truth = files.truth()
    if "honest_label" not in truth.column_names or "label" not in columns:
        return {"ceiling": None}
    poisoned: Mask = truth.column("poisoned").to_numpy()
    frame = pd.concat([_read(path) for path in files.parts()], ignore_index=True)
    honest = truth.column("honest_label").to_numpy()
    given = frame[columns["label"]].astype(str).to_numpy()
    with threadpool_limits(1):  # OpenMP's threads wait for each other busily on a machine that does other work
        models = _probabilities(frame, columns, honest)
    found = [measure(_contradiction(chances, honest, given), poisoned).recall for chances in models]
    return {"ceiling": max(recall for recall in found if recall is not None)}


def _contradiction(chances: Any, honest: Any, given: Any) -> Scores:
    """Log-odds that another label than the given one fits better."""
    known = {name: place for place, name in enumerate(np.unique(honest))}
    said = np.array([known.get(value, -1) for value in given])
    rows = np.arange(len(said))
    own = np.where(said >= 0, chances[rows, said], 0.0)
    others = chances.copy()
    others[rows[said >= 0], said[said >= 0]] = 0.0
    found: Scores = np.log(np.maximum(others.max(axis=1), LEAST)) - np.log(np.maximum(own, LEAST))
    return found


def _probabilities(frame: pd.DataFrame, columns: dict[str, str], honest: Any) -> list[Any]:
    """Out-of-fold probabilities of each model, and of every few of them together."""
    _, codes = np.unique(honest, return_inverse=True)
    folds = StratifiedKFold(max(FEWEST_ROWS, min(FOLDS, int(np.bincount(codes).min()))), shuffle=True, random_state=0)
    if "text" in columns:
        terms = TfidfVectorizer(ngram_range=(1, 2), max_features=MOST_TERMS, sublinear_tf=True)
        matrix = terms.fit_transform(frame[columns["text"]].fillna("").astype(str))
        model = LogisticRegression(C=10, max_iter=500)
        return [cross_val_predict(model, matrix, codes, cv=folds, method="predict_proba")]
    matrix = _pixels(frame[columns["image"]]) if "image" in columns else _numbers(frame.drop(columns=columns["label"]))
    trees = ExtraTreesClassifier(200, random_state=0)
    models: tuple[Any, ...] = (HistGradientBoostingClassifier(early_stopping=False, random_state=0), trees)
    if matrix.shape[1] > MOST_FOR_BOOSTING:
        machine = SVC(C=10, probability=True, random_state=0)
        machine = make_pipeline(StandardScaler(), PCA(DIMENSIONS, random_state=0), machine)
        models = (trees, machine, KNeighborsClassifier(NEIGHBOURS, weights="distance"))
    found = [cross_val_predict(model, matrix, codes, cv=folds, method="predict_proba") for model in models]
    together = chain.from_iterable(combinations(found, size) for size in range(1, len(found) + 1))
    return [np.mean(chances, axis=0) for chances in together]


def _pixels(images: pd.Series) -> Any:
    """Pictures in one size, as colours on black where they are transparent."""
    from PIL import Image  # noqa: PLC0415 - only for pictures

    rows = []
    for data in images:
        with Image.open(io.BytesIO(data)) as image:
            rows.append(np.asarray(image.convert("RGBA").convert("RGB").resize((SIDE, SIDE))).ravel())
    return np.array(rows, dtype=float)


def _numbers(frame: pd.DataFrame) -> Any:
    """Numbers, and categories as codes by frequency; missing values as the median. Nested columns are left out."""
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.iloc[0], list | dict | np.ndarray):
            continue
        if not pd.api.types.is_numeric_dtype(column):
            column = column.map(column.value_counts().rank(method="first")).astype(float)
        columns[name] = column.astype(float).fillna(column.median())
    return pd.DataFrame(columns).to_numpy()


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".jsonl":
        return pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    table: pa.Table = pyarrow.parquet.read_table(path)
    frame: pd.DataFrame = table.to_pandas()
    return frame
