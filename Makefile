# `make help` lists the targets. Needs Python 3.11, make and git.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup demo serve test test-all chaos chaos-postgresql check format lock browser postgresql clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## .venv with locked dependencies and the package itself

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kerasearch needs Python 3.11 or newer: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing (about two minutes) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check -qqq --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check -qqq --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## the main job: search, watch, download, retrain
	$(BIN)/python examples/demo.py

serve: setup  ## the service on http://127.0.0.1:8000
	$(BIN)/kerasearch serve

PYTEST := $(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist loadgroup

test: setup browser postgresql check  ## checks and all tests but the slow ones
	$(PYTEST) -m "not slow"

test-all: setup browser postgresql check  ## all tests
	$(PYTEST)

CHAOS := $(BIN)/python benchmarks/chaos.py --kills 20 --seed 5

chaos: setup  ## 20 times kill -9 of any process: nothing is lost, or it fails
	$(CHAOS) --limit-s 1200

chaos-postgresql: setup postgresql  ## the same on PostgreSQL, whose server is killed too
	$(CHAOS) --limit-s 1200 --hurry --database postgresql

check: setup  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/demo.py
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

browser:  # one acceptance test opens MLflow's page; it skips, and says so, without a browser
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	  || echo "no chromium and no way to install it here: the browser test will be skipped"

postgresql:  # tests start a server of their own; those on PostgreSQL skip, and say so, without one
	@command -v postgres /usr/lib/postgresql/*/bin/postgres >/dev/null || { \
	  command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null; } \
	  || echo "no PostgreSQL and no way to install it here: the tests on it will be skipped"

lock:  ## resolve requirements/*.txt anew; needs uv
	uv pip compile pyproject.toml --extra cpu --extra ucr --extra postgres --group dev $(LOCK) -o requirements/dev.txt
	uv pip compile pyproject.toml --extra cpu --extra ucr --extra postgres $(LOCK) -o requirements/cpu.txt
	uv pip compile pyproject.toml --extra gpu --extra ucr --extra postgres $(LOCK) -o requirements/gpu.txt
LOCK := --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

clean:  ## all that was built, installed or left by the demo
	rm -rf .venv demo-output build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
