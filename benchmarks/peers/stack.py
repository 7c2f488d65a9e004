"""The do-it-yourself stack, in its own environment: what a careful team puts together from good parts.

    python stack.py NEW.parquet OLD.parquet SUITE.json

sha256sum of the file, Great Expectations on the suite, Evidently's preset on numbers and categories against the old
version, datasketch's MinHash LSH on the texts, PyOD's ECOD on the numbers, each with its own defaults. Prints JSON:
seconds of each part, expectations that failed, columns that drifted, rows called near copies or outliers.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peers.
import json
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

Found = list[object]

WORD = re.compile(r"\w+")
WORDS = 5
THRESHOLD = 0.8
PERMUTATIONS = 128


def hashed(path: str) -> Found:
    """The digest of the bytes."""
    return subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[:1]  # noqa: S603, S607 - what a team would type


def contract(new: pd.DataFrame, suite: dict) -> Found:
    """Expectations that failed."""
    import great_expectations as gx  # noqa: PLC0415 - loading it is part of what it takes

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": new})
    told = batch.validate(gx.ExpectationSuite(name="suite", expectations=suite["expectations"])).to_json_dict()
    configs = [item["expectation_config"] for item in told["results"] if not item["success"]]
    return [f"{item['type']}({item['kwargs'].get('column', '')})" for item in configs]


def drifted(new: pd.DataFrame, old: pd.DataFrame) -> Found:
    """Columns that Evidently calls drifted."""
    from evidently import Report  # noqa: PLC0415 - as above
    from evidently.presets import DataDriftPreset  # noqa: PLC0415 - as above

    told = Report([DataDriftPreset()]).run(new.drop(columns="text"), old.drop(columns="text")).dict()
    found = []
    for metric in told["metrics"]:
        config = metric.get("config", {})
        if "column" in config and "threshold" in config:
            distance = "distance" in config["method"] or "divergence" in config["method"]
            value, limit = float(metric["value"]), float(config["threshold"])
            found += [config["column"]] if (value >= limit if distance else value < limit) else []
    return found


def near_copies(texts: list[str]) -> Found:
    """Rows that have a near copy before or behind them."""
    import datasketch  # noqa: PLC0415 - as above

    index = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    empty, found = datasketch.MinHash(num_perm=PERMUTATIONS, hashfunc=zlib.crc32), set()
    for row, text in enumerate(texts):
        words = WORD.findall(text.lower())
        grams = {" ".join(words[start : start + WORDS]) for start in range(max(1, len(words) - WORDS + 1))}
        sketch = empty.copy()
        sketch.update_batch([gram.encode() for gram in grams])
        others = index.query(sketch)
        found.update(others, [row] if others else [])
        index.insert(row, sketch, check_duplication=False)
    return sorted(found)


def outliers(new: pd.DataFrame) -> Found:
    """Rows that ECOD flags with its own default share."""
    from pyod.models.ecod import ECOD  # noqa: PLC0415 - as above

    numbers = new.select_dtypes("number").to_numpy(dtype=float)
    return np.flatnonzero(ECOD().fit(np.nan_to_num(numbers)).labels_).tolist()


if __name__ == "__main__":
    path, reference, rules = sys.argv[1:4]
    rows, before = pd.read_parquet(path), pd.read_parquet(reference)
    wanted = json.loads(Path(rules).read_text(encoding="utf-8"))
    steps = {
        "sha256sum": lambda: hashed(path),
        "Great Expectations": lambda: contract(rows, wanted),
        "Evidently": lambda: drifted(rows, before),
        "datasketch": lambda: near_copies(rows["text"].tolist()),
        "PyOD ECOD": lambda: outliers(rows),
    }
    seconds, said = {}, {}
    for name, step in steps.items():
        start = time.perf_counter()
        said[name] = step()
        seconds[name] = time.perf_counter() - start
    print()
    print(json.dumps({"parts": seconds, "found": said}))
