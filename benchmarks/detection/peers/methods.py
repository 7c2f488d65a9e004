"""Every peer as a function from what it is given to one score per row; higher is more suspicious.

Spectral signatures and activation clustering are implemented from their papers on the hidden layer of a small network
(ART's versions wrap a deep-learning classifier and remove a fixed share of every class): a baseline, and said so.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peers.
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from cleanlab.datalab.datalab import Datalab
from cleanlab.rank import get_label_quality_scores
from datasketch import MinHash, MinHashLSH
from features import Given
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPClassifier

Scores = np.ndarray
WORD = re.compile(r"\w+")
FOLDS = 5
PERMUTATIONS = 64
SIMILAR = 0.5
SHINGLE = 5
DIMENSIONS = 64
HALF = 0.5
MOST_FOR_TREES = 200
"""Columns; terms and pixels are more, and get a linear model."""


def cleanlab_labels(given: Given) -> Scores | None:
    """Label quality by confident learning (Northcutt et al. 2021), out-of-fold probabilities."""
    if given.labels is None:
        return None
    return 1 - get_label_quality_scores(given.labels, _probabilities(given))


def datalab_outliers(given: Given) -> Scores:
    """Datalab's outlier score: average distance to the nearest neighbours."""
    return _datalab(given, "outlier")


def datalab_near_duplicates(given: Given) -> Scores:
    """Datalab's near-duplicate score."""
    return _datalab(given, "near_duplicate")


def pyod_ecod(given: Given) -> Scores:
    """PyOD's ECOD (Li et al. 2022)."""
    return ECOD().fit(given.dense).decision_scores_


def pyod_iforest(given: Given) -> Scores:
    """PyOD's isolation forest (Liu et al. 2008)."""
    return IForest(random_state=0).fit(given.dense).decision_scores_


def sklearn_lof(given: Given) -> Scores:
    """scikit-learn's local outlier factor (Breunig et al. 2000)."""
    return -LocalOutlierFactor().fit(given.dense).negative_outlier_factor_


def z_score(given: Given) -> Scores:
    """The largest absolute z-score of a row."""
    spread = given.dense.std(axis=0)
    return (np.abs(given.dense - given.dense.mean(axis=0)) / np.where(spread > 0, spread, 1)).max(axis=1)


def spectral_signatures(given: Given) -> Scores | None:
    """Squared projection on the first singular vector of the class's activations (Tran et al. 2018)."""
    if given.labels is None:
        return None
    return _by_class(given, lambda rows: (rows @ np.linalg.svd(rows, full_matrices=False)[2][0]) ** 2)


def activation_clustering(given: Given) -> Scores | None:
    """The smaller of two clusters of the class's activations; the smaller, the higher (Chen et al. 2018)."""
    if given.labels is None:
        return None
    return _by_class(given, _smaller_cluster)


def ngram_perplexity(given: Given) -> Scores | None:
    """Mean surprise of a text under a word-trigram model of the other folds, with stupid back-off (Brants 2007)."""
    if given.texts is None:
        return None
    words = [WORD.findall(text.lower()) for text in given.texts]
    scores = np.zeros(len(words))
    for fold in range(FOLDS):
        counts: Counter[tuple[str, ...]] = Counter()
        for place, text in enumerate(words):
            if place % FOLDS != fold:
                counts.update((word,) for word in text)
                counts.update(pairwise(text))
                counts.update(zip(text, text[1:], text[2:], strict=False))
        total = sum(count for gram, count in counts.items() if len(gram) == 1)
        for place in range(fold, len(words), FOLDS):
            scores[place] = _surprise(words[place], counts, total)
    return scores


def datasketch_minhash(given: Given) -> Scores | None:
    """Largest estimated Jaccard similarity to another text, over five-word shingles."""
    if given.texts is None:
        return None
    index = MinHashLSH(threshold=SIMILAR, num_perm=PERMUTATIONS)
    sketches = [_sketch(text) for text in given.texts]
    for place, sketch in enumerate(sketches):
        index.insert(place, sketch)
    found = (
        (sketch.jaccard(sketches[other]) for other in index.query(sketch) if other != place)
        for place, sketch in enumerate(sketches)
    )
    return np.array([max(similar, default=0.0) for similar in found])


METHODS: dict[str, Callable[[Given], Scores | None]] = {
    "cleanlab labels": cleanlab_labels,
    "Datalab outliers": datalab_outliers,
    "Datalab near duplicates": datalab_near_duplicates,
    "PyOD ECOD": pyod_ecod,
    "PyOD IForest": pyod_iforest,
    "sklearn LOF": sklearn_lof,
    "z-score": z_score,
    "spectral signatures": spectral_signatures,
    "activation clustering": activation_clustering,
    "n-gram perplexity": ngram_perplexity,
    "datasketch MinHash": datasketch_minhash,
}


def _probabilities(given: Given) -> np.ndarray:
    wide = given.model.shape[1] > MOST_FOR_TREES
    model = LogisticRegression(max_iter=200) if wide else HistGradientBoostingClassifier(random_state=0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return cross_val_predict(model, given.model, given.labels, cv=folds, method="predict_proba")


def _datalab(given: Given, issue: str) -> Scores:
    lab = Datalab(data={"row": list(range(len(given.dense)))}, verbosity=0)
    lab.find_issues(features=given.dense, issue_types={issue: {}})
    return 1 - lab.get_issues(issue)[f"{issue}_score"].to_numpy()


def _activations(given: Given) -> np.ndarray:
    network = MLPClassifier((DIMENSIONS,), max_iter=60, early_stopping=True, random_state=0).fit(
        given.dense, given.labels
    )
    return np.maximum(given.dense @ network.coefs_[0] + network.intercepts_[0], 0)


def _by_class(given: Given, score: Callable[[np.ndarray], np.ndarray]) -> Scores:
    activations = _activations(given)
    scores = np.zeros(len(activations))
    for label in np.unique(given.labels):
        rows = np.flatnonzero(given.labels == label)
        scores[rows] = score(activations[rows] - activations[rows].mean(axis=0))
    return scores


def _smaller_cluster(rows: np.ndarray) -> np.ndarray:
    few = 10
    if len(rows) <= few:
        return np.zeros(len(rows))
    reduced = PCA(min(few, rows.shape[1]), random_state=0).fit_transform(rows)
    clusters = KMeans(2, n_init=3, random_state=0).fit_predict(reduced)
    shares = np.bincount(clusters, minlength=2) / len(rows)
    return np.where(shares[clusters] <= HALF, 1 - shares[clusters], 0.0)


def _surprise(text: list[str], counts: Counter[tuple[str, ...]], total: int) -> float:
    if not text:
        return 0.0
    return float(
        np.mean([-np.log(_backed_off(tuple(text[max(0, at - 2) : at + 1]), counts, total)) for at in range(len(text))])
    )


def _backed_off(gram: tuple[str, ...], counts: Counter[tuple[str, ...]], total: int) -> float:
    factor, discount = 1.0, 0.4
    while len(gram) > 1:
        if counts[gram]:
            return factor * counts[gram] / counts[gram[:-1]]
        gram, factor = gram[1:], factor * discount
    return factor * max(counts[gram], 0.5) / total


def _sketch(text: str) -> MinHash:
    words = WORD.findall(text.lower())
    shingles = {" ".join(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))}
    sketch = MinHash(num_perm=PERMUTATIONS)
    sketch.update_batch([shingle.encode() for shingle in sorted(shingles)])
    return sketch
