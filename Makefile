# `make demo` on a fresh machine sets everything up in .venv and draws a first moving painting.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-fast lint format clean

demo: $(READY)
	$(BIN)/python scripts/stylize.py --demo

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto

test-fast: $(READY)
	$(BIN)/python -m pytest --numprocesses auto -m "not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
