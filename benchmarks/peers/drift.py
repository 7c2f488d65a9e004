"""Peers of ``benchmarks.drift``, each in its own environment: two Parquet files -> which columns drifted.

    python drift.py METHOD OLD.parquet NEW.parquet ROWS

Prints JSON: seconds by the clock and of the processors, and the columns that the peer calls drifted by its own
defaults. Reading the files counts, as it does for us; imports do not. Where a peer can keep what it knows of the old
version (TFDV, NannyML, whylogs), only the new one is timed, as with us.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environments of the peers.
import json
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq

Table = object
Step = Callable[[], list[str] | None]

FIVE_PERCENT = 0.05
TENTH = 0.1
"""Distance from which TFDV shall call a column drifted: it has no default; this is Evidently's."""
CHUNK = 100_000
"""Rows that NannyML judges at a time."""


def frame(path: str, rows: int) -> Table:
    """The first rows as a pandas frame."""
    return next(pq.ParquetFile(path).iter_batches(rows)).to_pandas()


def evidently(old: str, new: str, rows: int) -> Step:
    """Evidently's preset: a distance for each column, of both versions."""
    from evidently import Report  # noqa: PLC0415 - each method loads what is its own
    from evidently.presets import DataDriftPreset  # noqa: PLC0415 - as above

    def step() -> list[str]:
        told = Report([DataDriftPreset()]).run(frame(new, rows), frame(old, rows)).dict()
        found = []
        for metric in told["metrics"]:
            config = metric.get("config", {})
            if "column" in config and "threshold" in config:
                distance = "distance" in config["method"] or "divergence" in config["method"]
                value, limit = float(metric["value"]), float(config["threshold"])
                found += [config["column"]] if (value >= limit if distance else value < limit) else []
        return found

    return step


def whylogs(old: str, new: str, rows: int) -> Step:
    """A profile by whylogs, which calls nothing drifted by itself."""
    import whylogs as package  # noqa: PLC0415 - as above

    del old
    return lambda: package.log(frame(new, rows)).view() and None


def alibi(old: str, new: str, rows: int) -> Step:
    """alibi-detect's TabularDrift: Kolmogorov-Smirnov and chi-squared, Bonferroni, on the columns that it takes."""
    from alibi_detect.cd import TabularDrift  # noqa: PLC0415 - as above

    def step() -> list[str]:
        before, after = frame(old, rows), frame(new, rows)
        numeric = [name for name in before if before[name].dtype.kind in "ifb"]
        texts = [name for name in before if name not in numeric and name != "user"]
        names = [*numeric, *texts]
        values = {name: sorted({*before[name], *after[name]}) for name in texts}
        before, after = ((_codes(side, numeric, values)) for side in (before, after))
        # ``None``: a category for every value that is there.
        places = {len(numeric) + number: None for number in range(len(texts))}
        detector = TabularDrift(before, p_val=FIVE_PERCENT, categories_per_feature=places)
        told = detector.predict(after, drift_type="feature")["data"]
        return [name for name, flag in zip(names, told["is_drift"], strict=True) if flag]

    return step


def _codes(side: Table, numeric: list[str], values: dict[str, list[str]]) -> np.ndarray:
    columns = [side[name].to_numpy(dtype=np.float64) for name in numeric]
    columns += [np.searchsorted(known, side[name].to_numpy(dtype=str)) for name, known in values.items()]
    return np.column_stack(columns)


def scipy(old: str, new: str, rows: int) -> Step:
    """``ks_2samp`` on every column of numbers, Bonferroni."""
    from scipy.stats import ks_2samp  # noqa: PLC0415 - as above

    def step() -> list[str]:
        before, after = frame(old, rows), frame(new, rows)
        names = [name for name in before if before[name].dtype.kind in "if"]
        chances = {name: ks_2samp(before[name], after[name]).pvalue for name in names}
        return [name for name, chance in chances.items() if chance < FIVE_PERCENT / len(names)]

    return step


def nannyml(old: str, new: str, rows: int) -> Step:
    """NannyML's univariate calculator with its default distances; fitted on the old version beforehand."""
    import nannyml as package  # noqa: PLC0415 - as above

    before = frame(old, rows)
    names = [name for name in before if name != "user"]
    calculator = package.UnivariateDriftCalculator(
        column_names=names, treat_as_categorical=["flag"], chunk_size=min(CHUNK, rows // 4)
    ).fit(before)

    def step() -> list[str]:
        told = calculator.calculate(frame(new, rows)).filter(period="analysis").to_df()
        alerts = {column for column, _, kind in told.columns if kind == "alert"}
        return [name for name in names if name in alerts and told[name].xs("alert", axis=1, level=1).to_numpy().all()]

    return step


def tfdv(old: str, new: str, rows: int) -> Step:
    """TensorFlow Data Validation: statistics of the new version, validated against those of the old one."""
    import tensorflow_data_validation as package  # noqa: PLC0415 - as above

    before = package.generate_statistics_from_dataframe(frame(old, rows))
    schema = package.infer_schema(before)
    for feature in schema.feature:
        feature.drift_comparator.jensen_shannon_divergence.threshold = TENTH

    def step() -> list[str]:
        after = package.generate_statistics_from_dataframe(frame(new, rows))
        told = package.validate_statistics(after, schema, previous_statistics=before).anomaly_info
        return [name for name, item in told.items() if "divergence" in f"{item.reason}".lower()]

    return step


METHODS = {item.__name__: item for item in (evidently, whylogs, alibi, scipy, nannyml, tfdv)}

if __name__ == "__main__":
    method, first, second, count = sys.argv[1:5]
    run = METHODS[method](first, second, int(count))
    METHODS[method](first, second, 500)()  # what a first call loads
    clock, processor = time.perf_counter(), time.process_time()
    drifted = run()
    took = {"seconds": time.perf_counter() - clock, "processor": time.process_time() - processor}
    print(json.dumps({**took, "drifted": drifted}))
