# Needs python3 (3.11 or newer, with venv) and nothing else; `make` lists the commands.
# Everything is installed into $(VENV), once, from the hash-pinned requirements/dev.lock.

PYTHON ?= python3
VENV ?= .venv
MLFLOW2 ?= .venv-mlflow2
SAGEMAKER2 ?= .venv-sagemaker2
ARGS ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DELETE_ON_ERROR:
.PHONY: help demo start up down test parts chaos oldest sagemaker check lint screenshots audit format bench bench-peer bench-quick lock clean clean-file

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo '  ARGS="…" is passed on: make demo ARGS=--exit, make test ARGS="-k alias"'

demo: $(INSTALLED) ## train, push, pull, verify and predict with a real model (ARGS=--exit: then end)
	@$(BIN)/muniment demo $(ARGS)

start: $(INSTALLED) ## serve the registry on http://127.0.0.1:8000
	@$(BIN)/muniment serve $(ARGS)

up: ## start two servers over PostgreSQL (ARGS=mongodb) and MinIO, behind a proxy, with Docker
	@deploy/secrets $(ARGS)
	docker compose --file deploy/compose.yaml up --build --detach --wait --remove-orphans
	@echo "Muniment serves at http://$$(docker compose --file deploy/compose.yaml port proxy 8080)"
	@echo 'The admin signs in once with the password in deploy/.secrets/admin, to choose another.'

down: ## stop them; what they keep stays
	docker compose --file deploy/compose.yaml down

test: $(INSTALLED) ## run all tests
	@$(BIN)/pytest -n auto $(ARGS)

parts: $(INSTALLED) ## build the servers that tests need and no package has (with Go, some minutes)
	@$(BIN)/python -m tests.parts

chaos: $(INSTALLED) ## kill servers under load for five minutes, and see that nothing is lost
	MUNIMENT_TEST_CHAOS_SECONDS=$${MUNIMENT_TEST_CHAOS_SECONDS:-300} \
		$(BIN)/pytest -s tests/faults/test_processes.py -k postgresql $(ARGS)

sagemaker: $(SAGEMAKER2)/.installed ## install the SageMaker SDK of generation 2, beside ours

oldest: $(MLFLOW2)/.installed ## install the oldest MLflow client that is tested, beside ours

check: lint ## lint, audit, and see that formatting and lock file are up to date
	$(BIN)/ruff format --check --quiet
	$(BIN)/pytest --quiet --no-header -k lock_file tests/test_project.py
	@$(BIN)/python requirements/audit.py

lint: $(INSTALLED) ## ruff, mypy and the import contracts
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

screenshots: $(INSTALLED) ## take pictures of all pages into build/screenshots (needs chromium)
	@$(BIN)/python -m tests.web.screenshots $${SCREENSHOTS:-build/screenshots} $(ARGS)

audit: $(INSTALLED) ## look for known vulnerabilities in requirements/dev.lock
	@$(BIN)/python requirements/audit.py

format: $(INSTALLED) ## put the code into shape
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format --quiet

bench: $(INSTALLED) ## measure speed and memory, into docs/benchmarks (needs wrk and nginx)
	@$(BIN)/python -m bench $(ARGS)

bench-peer: $(INSTALLED) ## measure beside MLflow's server, which dev.lock installs
	@$(BIN)/python -m bench --peer $(ARGS)

bench-quick: $(INSTALLED) ## see that all benchmarks run (two minutes)
	@$(BIN)/python -m bench --quick $(ARGS)

# All but sagemaker-v2, which can't stand beside sagemaker.
EXTRAS := $(addprefix --extra ,demo fsspec mlflow mongodb oidc postgres s3 sagemaker scan signing)

# What deploy/Dockerfile installs, in the versions of dev.lock.
SERVED := $(addprefix --extra ,mongodb oidc postgres s3 scan signing)

lock: $(INSTALLED) ## write the lock files in requirements/ (ARGS=--upgrade: newest versions)
	$(BIN)/uv pip compile pyproject.toml --output-file requirements/dev.lock --quiet \
		--universal $(EXTRAS) --group dev --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock' $(ARGS)
	$(BIN)/uv pip compile pyproject.toml --output-file requirements/server.lock --quiet \
		--universal $(SERVED) --constraint requirements/dev.lock --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock'
	$(BIN)/uv pip compile requirements/mlflow2.in --output-file requirements/mlflow2.lock --quiet \
		--python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock' $(ARGS)
	$(BIN)/uv pip compile requirements/sagemaker2.in --output-file requirements/sagemaker2.lock \
		--quiet --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command 'make lock' $(ARGS)

clean: ## remove caches and build products (never data)
	@find . \( -path './.git' -o -path './.venv' -o -path '$(VENV)' -o -path './$(MLFLOW2)' -o -path './$(SAGEMAKER2)' \
		-o -path './.muniment' \) -prune \
		-o -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

clean-file: clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Muniment needs Python 3.11 or newer with venv; $(PYTHON) is not that ('"$$($(PYTHON) --version 2>&1)"').'; \
		echo 'Debian, Ubuntu: apt install python3-venv. Another Python: make PYTHON=python3.12 …'; \
		exit 1; } >&2
	@$(PYTHON) -m venv $(VENV)

LOCKED := install --quiet --require-hashes --requirement
EDITABLE := install --quiet --no-build-isolation --no-deps --editable

# pip installs uv, and uv the rest in a tenth of pip's time; where uv can't (a mirror that only
# pip is configured for), pip does that too. Both refuse what the lock file's hashes don't name.
$(INSTALLED): export VIRTUAL_ENV = $(VENV)
$(INSTALLED): export PIP_DISABLE_PIP_VERSION_CHECK = 1
$(INSTALLED): $(BIN)/python requirements/dev.lock pyproject.toml
	@echo 'Installing into $(VENV) …'
	@sed -n '/^uv==/,/# via/p' requirements/dev.lock | $(BIN)/pip $(LOCKED) /dev/stdin
	@{ $(BIN)/uv pip $(LOCKED) requirements/dev.lock && $(BIN)/uv pip $(EDITABLE) .; } || { \
		echo 'Once more with pip (a minute) …'; \
		$(BIN)/pip $(LOCKED) requirements/dev.lock && $(BIN)/pip $(EDITABLE) .; }
	@touch $@

$(MLFLOW2)/.installed: requirements/mlflow2.lock $(INSTALLED)
	@echo 'Installing into $(MLFLOW2) …'
	@$(PYTHON) -m venv $(MLFLOW2)
	@VIRTUAL_ENV=$(MLFLOW2) $(BIN)/uv pip $(LOCKED) $< || $(MLFLOW2)/bin/pip $(LOCKED) $<
	@touch $@

$(SAGEMAKER2)/.installed: requirements/sagemaker2.lock $(INSTALLED)
	@echo 'Installing into $(SAGEMAKER2) …'
	@$(PYTHON) -m venv $(SAGEMAKER2)
	@VIRTUAL_ENV=$(SAGEMAKER2) $(BIN)/uv pip $(LOCKED) $< || $(SAGEMAKER2)/bin/pip $(LOCKED) $<
	@touch $@
