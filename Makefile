# Two commands do everything: `make demo` runs the main job on sample_data/, `make test` checks all of it.
# Each works alone on a bare machine with Python 3.11+ and make; both build the environment in .venv/.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# What decides whether data pass: every statement and branch of it is run by a test; the rest of a percent is for the
# draw of property tests.
TRUST_CORE := poisonguard/attest/*,poisonguard/domain/merkle.py,poisonguard/policy/decide.py,poisonguard/policy/approvals.py,poisonguard/policy/judgement.py,poisonguard/policy/revoked.py,poisonguard/policy/scans.py,poisonguard/policy/fips.py,poisonguard/workflow/gate.py,poisonguard/workflow/gate_*.py,poisonguard/store/log.py,poisonguard/store/nodes.py,poisonguard/store/bundle.py,poisonguard/store/contents.py

.PHONY: docs demo test check lint types layers unit attacks test-airflow airflow-environment test-keys keys-environment test-oms oms-environment test-readers readers-environment test-postgres test-crash lock golden bench mutation clean help

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

test: check unit attacks test-oms test-keys test-readers test-postgres test-crash test-airflow ## Everything: lint, types, layers, all tests, real peers and servers

check: lint types layers ## Lint, types and layer contracts

lint: .venv/.ready ## ruff, all rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.ready ## mypy, strict
	$(BIN)/mypy

layers: .venv/.ready ## import-linter contracts
	$(BIN)/lint-imports

unit: .venv/.ready ## All tests that need nothing but .venv, in random order, with coverage; attacks apart
	$(PYTEST) -n 2 --cov --cov-report=term:skip-covered -q --ignore=tests/attacks
	$(BIN)/coverage report --include='$(TRUST_CORE)' --skip-covered --precision=2 --fail-under=99.9

attacks: .venv/.ready ## Attacks as named tests, every single bit flip among them: no coverage, which costs twice the time
	$(PYTEST) -n 2 -q tests/attacks

airflow-environment: .venv-airflow/.ready

.venv-airflow/.ready: requirements/airflow.txt pyproject.toml poisonguard/version.py
	@echo "Setting up .venv-airflow (a few minutes, once)"
	@test -x .venv-airflow/bin/python || $(PYTHON) -m venv .venv-airflow
	@.venv-airflow/bin/$(PIP) --require-hashes -r requirements/airflow.txt
	@.venv-airflow/bin/$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

test-airflow: ## The provider on a real Airflow, in its own environment
	sh tests/airflow/run.sh

keys-environment: .venv-keys/.ready

.venv-keys/.ready: requirements/keys.txt pyproject.toml poisonguard/version.py
	@echo "Setting up .venv-keys (about a minute, once)"
	@test -x .venv-keys/bin/python || $(PYTHON) -m venv .venv-keys
	@.venv-keys/bin/$(PIP) --require-hashes -r requirements/keys.txt
	@.venv-keys/bin/$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

test-keys: ## Keys in hardware modules and key services, in their own environment
	sh tests/keys/run.sh

oms-environment: .venv-oms/.ready

.venv-oms/.ready: requirements/oms.txt
	@echo "Setting up .venv-oms (a few seconds, once)"
	@test -x .venv-oms/bin/python || $(PYTHON) -m venv .venv-oms
	@.venv-oms/bin/$(PIP) --require-hashes -r requirements/oms.txt
	@touch $@

test-oms: .venv/.ready ## Bundles of OpenSSF Model Signing, to and from model_signing, in its own environment
	sh tests/oms/run.sh

readers-environment: .venv-readers/.ready

.venv-readers/.ready: requirements/readers.txt pyproject.toml poisonguard/version.py
	@echo "Setting up .venv-readers (about a minute, once)"
	@test -x .venv-readers/bin/python || $(PYTHON) -m venv .venv-readers
	@.venv-readers/bin/$(PIP) --require-hashes -r requirements/readers.txt
	@.venv-readers/bin/$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

test-postgres: .venv/.ready ## The registry and a team's flow on a real PostgreSQL
	sh tests/postgres/run.sh

test-crash: .venv/.ready ## kill -9, full disks and power cuts at every system call; FULL=1 leaves none out
	FULL=$(FULL) sh tests/crash/run.sh

test-readers: ## Verified reads by polars and Hugging Face datasets, in their own environment
	sh tests/readers/run.sh

lock: ## Resolve the locked requirements anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --output-file requirements/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group dev --output-file requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --extra airflow --group airflow-test --output-file requirements/airflow.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --extra aws --extra azure --extra gcp --extra hsm --extra vault --group keys-test --output-file requirements/keys.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements/oms.in --output-file requirements/oms.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --group readers-test --output-file requirements/readers.txt

bench: .venv/.ready .venv-oms/.ready ## Speed and memory against peers, each as a ratio in one run; slow
	$(BIN)/python benchmarks/evidence.py
	$(BIN)/python benchmarks/verified_read.py
	$(BIN)/python benchmarks/manifest_scale.py
	$(BIN)/python benchmarks/incremental_sign.py
	$(BIN)/python benchmarks/scan_memory.py
	$(BIN)/python benchmarks/near_duplicates.py

mutation: .venv/.ready ## Make small mistakes in MODULES (default: the trust core) and see whether tests notice; slow
	$(BIN)/python tests/mutation/run.py $(MODULES)

docs: .venv/.ready ## Write the reference pages from the code
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/picture.py

golden: .venv/.ready ## Rewrite the golden files after a wanted change
	UPDATE_GOLDEN=1 $(PYTEST) -q tests/reports tests/test_docs.py

clean: ## Remove what was made
	rm -rf .venv .venv-airflow .venv-keys .venv-oms .venv-readers demo-out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
