#!/bin/sh
# Tests the provider on a real Airflow in .venv-airflow; skipped, with the reason, only where no registry is reachable.
set -eu
cd "$(dirname "$0")/../.."
. tests/environment.sh

need_environment airflow apache-airflow
exec .venv-airflow/bin/python -m pytest -c tests/airflow/pytest.ini -q -p no:cacheprovider tests/airflow
