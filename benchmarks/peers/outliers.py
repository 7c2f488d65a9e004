"""Peers of ``benchmarks.outliers``, in their own environment: a matrix in memory -> one score per row.

    python outliers.py METHOD MATRIX.npy SCORES.npy THREADS

Prints seconds by the clock and of the processors as JSON; loading the matrix and importing are left out.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peers.
import json
import sys
import time

import numpy as np

Rows = np.ndarray


def ecod(rows: Rows, threads: int) -> Rows:
    """ECOD (Li et al. 2022)."""
    from pyod.models.ecod import ECOD  # noqa: PLC0415 - each method loads what is its own

    return ECOD(n_jobs=threads).fit(rows).decision_scores_


def copod(rows: Rows, threads: int) -> Rows:
    """COPOD (Li et al. 2020)."""
    from pyod.models.copod import COPOD  # noqa: PLC0415 - as above

    return COPOD(n_jobs=threads).fit(rows).decision_scores_


def isolation(rows: Rows, threads: int) -> Rows:
    """The isolation forest of scikit-learn: 100 trees of 256 rows."""
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - as above

    return -IsolationForest(random_state=0, n_jobs=threads).fit(rows).score_samples(rows)


def copula(rows: Rows, threads: int) -> Rows:
    """Normal scores of the ranks of all rows, Mahalanobis distance under their covariance."""
    from scipy.linalg import solve_triangular  # noqa: PLC0415 - as above
    from scipy.special import ndtri  # noqa: PLC0415 - as above

    del threads
    places = rows.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    scores = ndtri((places + 0.5) / len(rows))
    root = np.linalg.cholesky(np.cov(scores, rowvar=False))
    return np.sqrt((solve_triangular(root, scores.T, lower=True) ** 2).sum(axis=0))


if __name__ == "__main__":
    method, matrix, output, jobs = sys.argv[1:5]
    data = np.load(matrix)
    method = {"ecod": ecod, "copod": copod, "isolation": isolation, "copula": copula}[method]
    method(data[:200], 1)  # imports
    clock, processor = time.perf_counter(), time.process_time()
    found = method(data, int(jobs))
    took = {"seconds": time.perf_counter() - clock, "processor": time.process_time() - processor}
    np.save(output, found)
    print(json.dumps(took))
