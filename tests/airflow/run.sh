#!/bin/sh
# Tests the provider on a real Airflow in .venv-airflow; skipped, with the reason, only where no registry is reachable.
set -eu
cd "$(dirname "$0")/../.."

if ! ${MAKE:-make} --no-print-directory airflow-environment; then
    if .venv-airflow/bin/python -m pip index versions apache-airflow >/dev/null 2>&1; then
        echo "test-airflow: the Airflow environment could not be set up" >&2
        exit 1
    fi
    echo "test-airflow: SKIPPED, the package registry is not reachable and .venv-airflow is not set up"
    exit 0
fi
exec .venv-airflow/bin/python -m pytest -c tests/airflow/pytest.ini -q -p no:cacheprovider tests/airflow
