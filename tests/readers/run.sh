#!/bin/sh
# Tests verified reads by polars and Hugging Face datasets in .venv-readers; skipped, with the reason, only where no registry is reachable.
set -eu
cd "$(dirname "$0")/../.."

if ! ${MAKE:-make} --no-print-directory readers-environment; then
    if .venv-readers/bin/python -m pip index versions polars >/dev/null 2>&1; then
        echo "test-readers: the environment could not be set up" >&2
        exit 1
    fi
    echo "test-readers: SKIPPED, the package registry is not reachable and .venv-readers is not set up"
    exit 0
fi
exec .venv-readers/bin/python -m pytest -c tests/readers/pytest.ini -q -p no:cacheprovider tests/readers
