# make env   build .venv with everything that demo, test and check need
# make demo  compare four objectives on the bundled data set, offline
# make test  the test suite;  make check  formatting, lint and strict types
# make docs  the documentation as a site in site/, without a network, with warnings as errors
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
SUITE_JOBS ?= 2

DEMO_FOLDER ?= runs/demo

.PHONY: env demo test check docs clean

env: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[offline,dev,browser,docs,notebook]'
	touch $(STAMP)

demo: env
	HF_HUB_OFFLINE=1 $(BIN)/cmploss compare recipes/helpdesk/demo.yaml --output_dir $(DEMO_FOLDER)

test: env
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n $(SUITE_JOBS) --dist loadfile --no-loadscope-reorder

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: env
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv
