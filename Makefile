# What a developer does all day. `make` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIST := dist

# Random splits, orders and crashes are tried this many times as often as their modest default.
export LEARNFOLD_TRIES ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo demo-serve demo-live screenshots test check lint types quick wheel zip bench docs lock clean

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.core: locks/core.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "learnfold needs Python 3.11 or newer; name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/core.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.core
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	@touch $@

demo: $(VENV)/.core ## make up a semester and see its views
	@PATH="$(abspath $(BIN)):$$PATH" sh tools/demo.sh

$(VENV)/.serve: locks/serve.txt $(VENV)/.core
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r locks/serve.txt
	@touch $@

demo/views: $(VENV)/.core
	@PATH="$(abspath $(BIN)):$$PATH" sh tools/demo.sh

demo-serve: $(VENV)/.serve demo/views ## the dashboard of that semester, until it is stopped
	@echo "the dashboard: http://127.0.0.1:8080 (Ctrl-C ends it)"
	@$(BIN)/learnfold serve demo/views --open

demo-live: $(VENV)/.dev ## numbers that move: a broker, events at a steady rate, a batch a minute; until it is stopped
	@$(BIN)/python tools/demo_live.py

screenshots: $(VENV)/.dev demo/views ## the README's pictures of the dashboard (needs chromium)
	$(BIN)/python tools/screenshots.py

test: $(VENV)/.dev ## everything: lint, types, laws, the real services; says what it cost
	@$(BIN)/python tools/run_tests.py

check: $(VENV)/.dev ## what a developer runs all day: lint, types, quick tests
	$(MAKE) lint types quick

lint: $(VENV)/.dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## types, strict
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini

quick: export LEARNFOLD_TRIES := 0.1
quick: $(VENV)/.dev ## the quick tests: of the laws, a few examples each
	$(BIN)/pytest -q -n 2 --dist loadgroup -m "not services and not oozie and not slow"

wheel: $(VENV)/.dev ## dist/learnfold-….whl for pip install
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(DIST) .

zip: $(VENV)/.dev ## dist/learnfold.zip for spark-submit --py-files
	$(BIN)/python tools/build_zip.py

bench: $(VENV)/.dev ## every benchmark; see benchmarks/README.md
	$(BIN)/python -m benchmarks

docs: $(VENV)/.core ## write what is derived from the subjects and the table of metrics: pages, rules, launchers, Oozie's and Airflow's files
	$(BIN)/learnfold views --markdown > docs/views.md
	$(BIN)/python -m learnfold.ingest.mapping.document docs/mappings.md docs/platforms/*.md
	$(BIN)/python tools/derived.py
	$(BIN)/python tools/platform_views.py
	$(BIN)/learnfold monitoring --markdown > docs/metrics.md
	$(BIN)/learnfold monitoring --write deploy/monitoring
	$(BIN)/learnfold oozie --write batch_layer/oozie

lock: $(VENV)/.dev ## pin the dependencies anew (needs uv)
	uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o locks/dev.txt --upgrade
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c locks/dev.txt -o locks/core.txt
	uv pip compile pyproject.toml --extra serve --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c locks/dev.txt -o locks/serve.txt

clean: ## remove what was made
	rm -rf $(VENV) dist build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
