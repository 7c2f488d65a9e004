"""Scan the data, gate them, train: the last task runs only on an approved version.

Try it on the sample data (``data`` is any path that the worker can read)::

    airflow dags test train_on_approved_data -c '{"data": "/path/to/sample_data/flights/approved"}'

``scan`` fails the run when the new data look poisoned, ``gate`` when they are not exactly what a steward approved.
Neither is retried then: the same data would be refused again. ``train`` also waits for the asset that only a passed
gate emits, so that other DAGs can be scheduled on ``Asset("poisonguard://flights")``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, task

from poisonguard.airflow.operators import GateOperator, ScanOperator


@task
def train(data: str) -> dict[str, Any]:
    """Train a classifier of late flights on what the gate let through."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - not while the DAG is parsed
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - as above

    rows = pq.read_table(data).to_pandas()
    features = rows.select_dtypes("number")
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(features, rows["label"])
    return {"rows": len(rows), "accuracy": round(float(model.score(features, rows["label"])), 3)}


@dag(
    schedule=None,
    catchup=False,
    tags=["poisonguard"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=1)},
    params={
        "data": Param("sample_data/flights/approved", type="string", description="Folder of the new version"),
        "reference": Param(None, type=["null", "string"], description="Version or path to compare with"),
        "bundle": Param(None, type=["null", "string"], description="Bundle to verify from; the registry without it"),
        "runner": Param(None, type=["null", "string"], description="poisonguard in an environment of its own"),
    },
    render_template_as_native_obj=True,
)
def train_on_approved_data() -> None:
    """Scan, gate, train."""
    data, runner = "{{ params.data }}", "{{ params.runner }}"
    scan = ScanOperator(task_id="scan", data=data, reference="{{ params.reference }}", name="flights", runner=runner)
    gate = GateOperator(
        task_id="gate",
        data=data,
        name="flights",
        bundle="{{ params.bundle }}",
        runner=runner,
        outlets=[Asset("poisonguard://flights")],
    )
    scan >> gate >> train(data)


train_on_approved_data()
