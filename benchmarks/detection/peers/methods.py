"""Every peer as a function from what it is given to one score per row; higher is more suspicious.

What a peer flags is what its own default threshold says; papers that leave the threshold to the reader flag nothing.

Spectral signatures and activation clustering are implemented from their papers on the hidden layer of a small network
(ART's versions wrap a deep-learning classifier and remove a fixed share of every class): a baseline, and said so.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peers.
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from cleanlab.datalab.datalab import Datalab
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from datasketch import MinHash, MinHashLSH
from features import Given
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.utils.ad_engine import ADEngine
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
THREE_SIGMA = 3.0
MOST_FOR_TREES = 100
"""Columns; terms and pixels are more, and get a linear model."""


@dataclass(frozen=True)
class Said:
    """What a peer says: a score per row, and which rows it flags as it comes out of the box, if it says so."""

    scores: Scores
    flagged: np.ndarray | None = None


def cleanlab_labels(given: Given) -> Said | None:
    """Label quality by confident learning (Northcutt et al. 2021), out-of-fold probabilities."""
    if given.labels is None:
        return None
    chances = _probabilities(given)
    return Said(1 - get_label_quality_scores(given.labels, chances), find_label_issues(given.labels, chances))


def datalab_outliers(given: Given) -> Said:
    """Datalab's outlier score: average distance to the nearest neighbours."""
    return _datalab(given, "outlier")


def datalab_near_duplicates(given: Given) -> Said:
    """Datalab's near-duplicate score."""
    return _datalab(given, "near_duplicate")


def pyod_ecod(given: Given) -> Said:
    """PyOD's ECOD (Li et al. 2022)."""
    return _pyod(ECOD(), given)


def pyod_iforest(given: Given) -> Said:
    """PyOD's isolation forest (Liu et al. 2008)."""
    return _pyod(IForest(random_state=0), given)


def pyod_engine(given: Given) -> Said:
    """PyOD's ADEngine: it profiles the features, picks three detectors and returns their consensus."""
    consensus = ADEngine().investigate(given.dense, data_type="tabular").consensus
    return Said(np.asarray(consensus["scores"]), np.asarray(consensus["labels"]) == 1)


def sklearn_lof(given: Given) -> Said:
    """scikit-learn's local outlier factor (Breunig et al. 2000)."""
    model = LocalOutlierFactor()
    flagged = model.fit_predict(given.dense) == -1
    return Said(-model.negative_outlier_factor_, flagged)


def z_score(given: Given) -> Said:
    """The largest absolute z-score of a row; flagged above three."""
    spread = given.dense.std(axis=0)
    largest = (np.abs(given.dense - given.dense.mean(axis=0)) / np.where(spread > 0, spread, 1)).max(axis=1)
    return Said(largest, largest > THREE_SIGMA)


def spectral_signatures(given: Given) -> Said | None:
    """Squared projection on the first singular vector of the class's activations (Tran et al. 2018)."""
    if given.labels is None:
        return None
    return Said(_by_class(given, lambda rows: (rows @ np.linalg.svd(rows, full_matrices=False)[2][0]) ** 2))


def activation_clustering(given: Given) -> Said | None:
    """The smaller of two clusters of the class's activations; the smaller, the higher (Chen et al. 2018)."""
    return None if given.labels is None else Said(_by_class(given, _smaller_cluster))


def ngram_perplexity(given: Given) -> Said | None:
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
    return Said(scores)


def datasketch_minhash(given: Given) -> Said | None:
    """Largest estimated Jaccard similarity to another text, over five-word shingles; flagged where there is one."""
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
    scores = np.array([max(similar, default=0.0) for similar in found])
    return Said(scores, scores >= SIMILAR)


METHODS: dict[str, Callable[[Given], Said | None]] = {
    "cleanlab labels": cleanlab_labels,
    "Datalab outliers": datalab_outliers,
    "Datalab near duplicates": datalab_near_duplicates,
    "PyOD ECOD": pyod_ecod,
    "PyOD IForest": pyod_iforest,
    "PyOD ADEngine": pyod_engine,
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


def _datalab(given: Given, issue: str) -> Said:
    lab = Datalab(data={"row": list(range(len(given.dense)))}, verbosity=0)
    lab.find_issues(features=given.dense, issue_types={issue: {}})
    found = lab.get_issues(issue)
    return Said(1 - found[f"{issue}_score"].to_numpy(), found[f"is_{issue}_issue"].to_numpy())


def _pyod(model: ECOD | IForest, given: Given) -> Said:
    """Scores, and the tenth of the rows that PyOD flags when it is told nothing."""
    model.fit(given.dense)
    return Said(model.decision_scores_, model.labels_ == 1)


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
