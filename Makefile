# Two commands do everything: `make demo` runs the main job on sample_data/, `make test` checks all of it.
# Each works alone on a bare machine with Python 3.11+ and make; both build the environment in .venv/.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# Developers run tests in another order each time; CI runs the same tests in the same order, so that its failures can be
# repeated.
ORDER := $(if $(CI),--randomly-seed=$(shell printf '%d' 0x$$(git rev-parse --short=7 HEAD:tests 2>/dev/null || echo 0)))
# What decides whether data pass: every statement and branch of it is run by a test; the rest of a percent is for the
# draw of property tests.
TRUST_CORE := poisonguard/attest/*,poisonguard/domain/merkle.py,poisonguard/policy/decide.py,poisonguard/policy/approvals.py,poisonguard/policy/judgement.py,poisonguard/policy/revoked.py,poisonguard/policy/scans.py,poisonguard/policy/fips.py,poisonguard/workflow/gate.py,poisonguard/workflow/gate_*.py,poisonguard/store/log.py,poisonguard/store/nodes.py,poisonguard/store/bundle.py,poisonguard/store/contents.py

.PHONY: docs demo test check lint types layers unit attacks test-airflow test-engines test-keys test-oms test-readers test-postgres test-crash lock golden bench bench-detection mutation clean help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

.venv/.ready: requirements/dev.txt pyproject.toml poisonguard/version.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer (with venv) is needed"; exit 1; }
	@echo "Setting up .venv with $(PYTHON) (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/$(PIP) --require-hashes -r requirements/dev.txt
	@$(BIN)/$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/.ready ## Run the main job on sample_data: scan, sign, approve, gate, block poison and tampering
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh demo-out

test: check unit attacks test-oms test-keys test-readers test-postgres test-crash test-airflow test-engines ## Everything: lint, types, layers, all tests, real peers and servers

check: lint types layers ## Lint, types and layer contracts

lint: .venv/.ready ## ruff, all rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.ready ## mypy, strict
	$(BIN)/mypy

layers: .venv/.ready ## import-linter contracts
	$(BIN)/lint-imports

# Two test processes at once, each under coverage, would compile every loop twice, and slowly.
.PHONY: compiled
compiled: .venv/.ready
	@for set in reviews flights; do \
		$(BIN)/poisonguard scan sample_data/$$set/next_clean --reference sample_data/$$set/approved -q --no-cache; done

unit: compiled ## All tests that need nothing but .venv, in random order, with coverage; attacks apart
	$(PYTEST) $(ORDER) -n 2 --cov --cov-report=term:skip-covered -q --ignore=tests/attacks
	$(BIN)/coverage report --include='$(TRUST_CORE)' --skip-covered --precision=2 --fail-under=99.9

attacks: compiled ## Attacks as named tests, every single bit flip among them: no coverage, which costs twice the time
	$(PYTEST) $(ORDER) -n 2 -q tests/attacks

# What tests against peers need does not get along with .venv: each has an environment of its own, from its own locked
# requirements. Those in WITH_US hold this package too.
WITH_US := airflow engines keys readers
ENVIRONMENTS := oms $(WITH_US)

.PHONY: $(ENVIRONMENTS:%=%-environment)
$(ENVIRONMENTS:%=%-environment): %-environment: .venv-%/.ready

$(WITH_US:%=.venv-%/.ready): pyproject.toml poisonguard/version.py

$(ENVIRONMENTS:%=.venv-%/.ready): .venv-%/.ready: requirements/%.txt
	@echo "Setting up .venv-$* (a few seconds to a few minutes, once)"
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/$(PIP) --require-hashes -r requirements/$*.txt
	@$(if $(filter $*,$(WITH_US)),.venv-$*/bin/$(PIP) --no-deps --no-build-isolation --editable .)
	@touch $@

test-airflow: ## The provider on a real Airflow, in its own environment
	sh tests/airflow/run.sh

test-engines: ## Ray and Dask on real clusters of several nodes, some of which are killed, in their own environment
	sh tests/engines/run.sh

test-keys: ## Keys in hardware modules and key services, in their own environment
	sh tests/keys/run.sh

test-oms: .venv/.ready ## Bundles of OpenSSF Model Signing, to and from model_signing, in its own environment
	sh tests/oms/run.sh

test-postgres: .venv/.ready ## The registry and a team's flow on a real PostgreSQL
	sh tests/postgres/run.sh

test-crash: .venv/.ready ## kill -9, full disks and power cuts at every system call; FULL=1 leaves none out
	FULL=$(FULL) sh tests/crash/run.sh

test-readers: ## Verified reads by polars and Hugging Face datasets, in their own environment
	sh tests/readers/run.sh

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

lock: ## Resolve the locked requirements anew (needs uv)
	$(COMPILE) pyproject.toml --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra airflow --group airflow-test --output-file requirements/airflow.txt
	$(COMPILE) pyproject.toml --extra ray --extra dask --extra s3 --group engines-test --output-file requirements/engines.txt
	$(COMPILE) pyproject.toml --extra aws --extra azure --extra gcp --extra hsm --extra vault --group keys-test --output-file requirements/keys.txt
	$(COMPILE) requirements/oms.in --output-file requirements/oms.txt
	$(COMPILE) pyproject.toml --group readers-test --output-file requirements/readers.txt

bench: .venv/.ready .venv-engines/.ready ## Speed and memory against peers, goals beside figures; makes their environments; slow; FIGURES="outliers drift" runs these
	$(BIN)/python -m benchmarks --markdown benchmark-results.md $(FIGURES)

bench-detection: .venv/.ready ## Recall on published attacks and flags on honest data, beside peers; fetches the data; hours
	$(BIN)/python -m benchmarks.detection report --split reporting --slow --markdown docs/benchmarks.md

mutation: .venv/.ready ## Make small mistakes in MODULES (default: the trust core) and see whether tests notice; slow
	$(BIN)/python tests/mutation/run.py $(MODULES)

docs: .venv/.ready ## Write the reference pages from the code
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/picture.py

golden: .venv/.ready ## Rewrite the golden files after a wanted change
	UPDATE_GOLDEN=1 $(PYTEST) -q tests/reports tests/test_docs.py

clean: ## Remove what was made
	rm -rf .venv $(ENVIRONMENTS:%=.venv-%) demo-out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
