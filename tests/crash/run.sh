#!/bin/sh
# Stops commands half-way with strace; skipped, with the reason, only where it can be neither found nor installed.
# FULL=1 stops them at every system call, not at a sample.
set -eu
cd "$(dirname "$0")/../.."

if ! command -v strace >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing strace"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y strace; } >/dev/null || true
fi
if ! strace -f -o /dev/null true 2>/dev/null; then
    echo "test-crash: SKIPPED, strace is not installed, or may not trace here: apt-get install strace"
    exit 0
fi
POISONGUARD_TEST_CRASH=1
export POISONGUARD_TEST_CRASH
exec .venv/bin/python -m pytest -n 2 -q -p no:cacheprovider tests/crash
