# Sourced by the run.sh of tests against peers.
#
# need_environment NAME PACKAGE: sets up .venv-NAME. Where that fails, the script ends: as a failure when PACKAGE can be
# found in the registry, which is then reachable; as skipped, with the reason, when it cannot.
need_environment() {
    ${MAKE:-make} --no-print-directory "$1-environment" && return
    if ".venv-$1/bin/python" -m pip index versions "$2" >/dev/null 2>&1; then
        echo "test-$1: the environment could not be set up" >&2
        exit 1
    fi
    echo "test-$1: SKIPPED, the package registry is not reachable and .venv-$1 is not set up"
    exit 0
}
