# Two commands for a newcomer: `make demo` and `make test`. They need Python 3.11 or newer and make, nothing else:
# Node.js comes from PyPI, the CDK CLI from npm, all into this folder.

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: checkov pictures transcript help setup demo test quick bench matrix test-library check format docs dist lock clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.complete  ## install everything into .venv and node_modules

.venv/.complete: requirements/lock.txt requirements/uv.txt package-lock.json pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	@echo "Installing the locked Python packages into .venv …"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/lock.txt
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@echo "Compiling the Python packages, since jobs on the local cloud could not …"
	@.venv/bin/python -m compileall -qq -j 0 -x aws_cdk .venv/lib || true  # some have files that are for other Pythons
	@echo "Installing the CDK CLI into node_modules …"
	@.venv/bin/npm ci --silent
	@touch $@

demo: setup  ## deploy the example project to a local cloud with the real CDK CLI, run a workflow there, and clean up
	@workflow-context local demo
	@echo "For these commands, in your shell: . .venv/bin/activate"

test: setup  ## the whole test suite
	@python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

quick: setup  ## the tests that deploy nothing with the CDK CLI and run no workflow (a quarter of the time)
	@python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not cycle"

matrix: setup  ## run a workflow three times with every engine on every file system, on Spot and on demand (half an hour)
	@python -m pytest tests/matrix/run_pairs.py

bench: setup  ## measure synthesis, submission and models, and write docs/performance.md
	@unset PYTHONDONTWRITEBYTECODE; python tests/benchmarks/bench_synth.py --write
	@python tests/benchmarks/bench_submission.py --write
	@python tests/benchmarks/bench_io_admission.py --write
	@python tests/benchmarks/bench_short_tasks.py --write

AWS_CDK_LIB ?= 2.270.0
test-library: setup  ## the tests that synthesize, with another aws-cdk-lib: make test-library AWS_CDK_LIB=2.270.0
	@rm -rf .venv-library && $(PYTHON) -m venv .venv-library
	@uv pip install --quiet --python .venv-library 'aws-cdk-lib$(if $(filter latest,$(AWS_CDK_LIB)),>=2.275,==$(AWS_CDK_LIB))' --editable '.[dev]'
	@PATH=$(CURDIR)/.venv-library/bin:$$PATH .venv-library/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile tests/stacks tests/storage tests/engines tests/test_rules.py

check: setup  ## format, lint and types, as CI checks them
	@ruff format --check .
	@ruff check .
	@mypy
	@mypy tests/public_api/platform_script.py  # a script of a user, with every call of the public API
	@shellcheck constructs/workflow_context/scripts/*.sh .ci/run

format: setup  ## write the code as ruff formats it
	@ruff check --fix .
	@ruff format .

docs: setup  ## the documentation site, into site/
	@mkdocs build --quiet --strict

dist: setup  ## the sdist and the wheel, into dist/
	@rm -rf dist && uv build --quiet --no-build-isolation && ls dist

lock: setup  ## resolve the dependencies of pyproject.toml anew
	@printf 'uv==0.13.9\n' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links - --output-file requirements/uv.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --override requirements/overrides.txt --extra dev pyproject.toml --output-file requirements/lock.txt
	@printf 'checkov==3.3.30\n' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links - --output-file requirements/checkov.txt

pictures: setup  ## draw the pictures of the documentation anew, from what the commands compute
	@workflow-context throughput --stored-gib 500 --read-mibps 150 --write-mibps 80 --hours 10 --plot docs/pictures/throughput.svg > /dev/null
	@workflow-context recommend --workload nfcore-rnaseq-test-full --plot docs/pictures/recommend.svg > /dev/null
	@workflow-context diagram wdlSpot --project examples/demo/agc-project.yaml --output docs/pictures/context.svg

transcript: setup  ## type the commands of docs/in-the-terminal.md on a local cloud, and write what they print
	@python tests/transcript.py

# An environment of its own: beside the development dependencies, only a version of 2023 could be installed.
.venv-checkov/.complete: .venv/.complete requirements/checkov.txt
	@echo "Installing checkov into .venv-checkov …"
	@uv venv --quiet --clear .venv-checkov
	@uv pip sync --quiet --python .venv-checkov --require-hashes requirements/checkov.txt
	@touch $@

checkov: .venv-checkov/.complete  ## hold checkov's findings against the reasons in docs/security.md
	@python -m pytest -p no:xdist -q tests/review/test_checkov.py

clean:  ## remove what the other commands made
	rm -rf .venv .venv-checkov .venv-library node_modules site dist cdk.out .workflow-context .pytest_cache .mypy_cache .ruff_cache .hypothesis
