#!/bin/sh
# Tests against model_signing in .venv-oms; skipped, with the reason, only where no package registry is reachable.
set -eu
cd "$(dirname "$0")/../.."
. tests/environment.sh

need_environment oms model-signing
POISONGUARD_TEST_OMS=1
export POISONGUARD_TEST_OMS
exec .venv/bin/python -m pytest -n 2 -q -p no:cacheprovider tests/oms
