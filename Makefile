# `make demo` on a fresh machine sets everything up in .venv and draws a first moving painting.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Idle workers take over the last half of what others have left.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: demo test test-slow lint format clean

demo: $(READY)
	$(BIN)/python scripts/stylize.py --demo

# What a change is checked with: minutes.
test: $(READY)
	$(PYTEST) -m "not slow"

# All else, compiled as users compile it: processes, clusters, files of full size, long solves.
test-slow: $(READY)
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(PYTEST) -m slow

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
