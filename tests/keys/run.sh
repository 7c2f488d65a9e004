#!/bin/sh
# Tests keys that are held elsewhere, in .venv-keys and with Debian's softhsm2; skipped, with the reason, only where
# no registry is reachable.
set -eu
cd "$(dirname "$0")/../.."
. tests/environment.sh

if ! command -v softhsm2-util >/dev/null 2>&1; then
    echo "test-keys: installing softhsm2, the PKCS#11 token of the tests"
    { apt-get install --yes --quiet softhsm2 || { apt-get update && apt-get install --yes --quiet softhsm2; }; } >/dev/null 2>&1 ||
        echo "test-keys: softhsm2 cannot be installed here, so that the tests on a token are SKIPPED"
fi
need_environment keys securesystemslib
exec .venv-keys/bin/python -m pytest -c tests/keys/pytest.ini -q -p no:cacheprovider tests/keys
