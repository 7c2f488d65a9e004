#!/bin/sh
# Tests verified reads by polars and Hugging Face datasets in .venv-readers; skipped, with the reason, only where no registry is reachable.
set -eu
cd "$(dirname "$0")/../.."
. tests/environment.sh

need_environment readers polars
exec .venv-readers/bin/python -m pytest -c tests/readers/pytest.ini -q -p no:cacheprovider tests/readers
