#!/bin/sh
# Tests against model_signing in .venv-oms; skipped, with the reason, only where no package registry is reachable.
set -eu
cd "$(dirname "$0")/../.."

if ! ${MAKE:-make} --no-print-directory oms-environment; then
    if .venv-oms/bin/python -m pip index versions model-signing >/dev/null 2>&1; then
        echo "test-oms: the environment of model_signing could not be set up" >&2
        exit 1
    fi
    echo "test-oms: SKIPPED, the package registry is not reachable and .venv-oms is not set up"
    exit 0
fi
POISONGUARD_TEST_OMS=1
export POISONGUARD_TEST_OMS
exec .venv/bin/python -m pytest -n 2 -q -p no:cacheprovider tests/oms
