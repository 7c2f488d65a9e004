"""Great Expectations in its own environment: a Parquet file and a suite -> which expectations fail.

    python contract.py DATA.parquet SUITE.json

Prints JSON: seconds by the clock of importing, reading and validating, and what failed, as ``type(column)``.
"""

# mypy: ignore-errors
# ^ the packages that it imports are only in the environment of the peer.
import json
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    started = time.perf_counter()
    import great_expectations as gx
    import pandas as pd

    imported = time.perf_counter()
    rows = pd.read_parquet(sys.argv[1])
    read = time.perf_counter()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    suite = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    wanted = gx.ExpectationSuite(name="suite", expectations=suite["expectations"])
    told = batch.validate(wanted).to_json_dict()["results"]
    done = time.perf_counter()
    configs = [item["expectation_config"] for item in told if not item["success"]]
    failed = [f"{item['type']}({item['kwargs'].get('column', '')})" for item in configs]
    print()
    print(
        json.dumps({"import": imported - started, "read": read - imported, "validate": done - read, "failed": failed})
    )
