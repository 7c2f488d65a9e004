#!/bin/sh
# Tests the engines on a real Ray cluster and a real Dask cluster in .venv-engines, all on loopback; skipped, with the
# reason, only where no registry is reachable.
set -eu
cd "$(dirname "$0")/../.."
. tests/environment.sh

need_environment engines distributed
exec .venv-engines/bin/python -m pytest -c tests/engines/pytest.ini -q -p no:cacheprovider tests/engines tests/engine/test_workstore_s3.py tests/sketches/test_interchange_redis.py
