#!/bin/sh
# Tests on a PostgreSQL of their own; skipped, with the reason, only where its programs can be neither found nor installed.
set -eu
cd "$(dirname "$0")/../.."

found() { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; }

if ! found >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing PostgreSQL (about a minute, once)"
    # Only its programs are needed: no cluster that runs as a service.
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql; } >/dev/null || true
fi
if ! found >/dev/null 2>&1; then
    echo "test-postgres: SKIPPED, PostgreSQL is not installed: apt-get install postgresql"
    exit 0
fi
POISONGUARD_TEST_POSTGRES=1
export POISONGUARD_TEST_POSTGRES
exec .venv/bin/python -m pytest -n 2 -q -p no:cacheprovider tests/postgres
