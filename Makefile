# Two commands for a newcomer: `make demo` and `make test`. They need Python 3.11 or newer and make, nothing else:
# Node.js comes from PyPI, the CDK CLI from npm, all into this folder.

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lock clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.complete  ## install everything into .venv and node_modules

.venv/.complete: requirements/lock.txt requirements/uv.txt package-lock.json pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	@echo "Installing the locked Python packages into .venv …"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@.venv/bin/uv pip sync --quiet --require-hashes requirements/lock.txt
	@.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@echo "Installing the CDK CLI into node_modules …"
	@.venv/bin/npm ci --silent
	@touch $@

demo: setup  ## deploy the example project to a local cloud with the real CDK CLI, run a workflow there, and clean up
	@workflow-context local demo
	@echo "For these commands, in your shell: . .venv/bin/activate"

test: setup  ## the whole test suite
	@python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: setup  ## format, lint and types, as CI checks them
	@ruff format --check .
	@ruff check .
	@mypy
	@shellcheck constructs/workflow_context/scripts/*.sh .ci/run

format: setup  ## write the code as ruff formats it
	@ruff check --fix .
	@ruff format .

lock: setup  ## resolve the dependencies of pyproject.toml anew
	@printf 'uv==0.13.9\n' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links - --output-file requirements/uv.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --override requirements/overrides.txt --extra dev pyproject.toml --output-file requirements/lock.txt

clean:  ## remove what the other commands made
	rm -rf .venv node_modules cdk.out .workflow-context .pytest_cache .mypy_cache .ruff_cache .hypothesis
