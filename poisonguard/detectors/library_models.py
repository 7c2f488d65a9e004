"""Models of scikit-learn, made by name: the library takes longer to import than a small scan, and most need none."""

# ruff: noqa: PLC0415 - only scans that fit such a model import the library

from __future__ import annotations

from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def threads() -> ThreadpoolController:
    """The thread pools of the libraries that learners use; looking for them takes longer than a small block."""
    return ThreadpoolController()


@cache
def _load() -> None:
    """Load the library, whose own pool of threads ``threads`` did not know: whoever asks for one means it, too."""
    import sklearn.ensemble  # noqa: F401 - loads the pool

    threads.cache_clear()
    threads().limit(limits=1, user_api="openmp")


def boosted_classifier(**options: Any) -> Any:
    """A ``HistGradientBoostingClassifier``."""
    _load()
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**options)


def boosted_regressor(**options: Any) -> Any:
    """A ``HistGradientBoostingRegressor``."""
    _load()
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**options)


def extra_trees(**options: Any) -> Any:
    """An ``ExtraTreesClassifier``."""
    _load()
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(**options)


def tree_regressor(**options: Any) -> Any:
    """A ``DecisionTreeRegressor``."""
    _load()
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(**options)


def logistic_regression(**options: Any) -> Any:
    """A ``LogisticRegression``."""
    _load()
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**options)


def naive_bayes() -> Any:
    """A ``ComplementNB``."""
    _load()
    from sklearn.naive_bayes import ComplementNB

    return ComplementNB()


def neighbours(**options: Any) -> Any:
    """A ``KNeighborsClassifier``."""
    _load()
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(**options)
