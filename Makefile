# SPDX-License-Identifier: Apache-2.0
# Everything runs in $(VENV), which the first target that needs it sets up.

PYTHON ?= python3
VENV ?= .venv
BUILD ?= build
JOBS ?= auto
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test quick lint types bench accuracy clean compiler

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: compiler $(VENV)/.data ## Build specs/digits.yaml and train it with BDWP 2:8 on the simulator.
	$(BIN)/hlsgen build specs/digits.yaml -o $(BUILD)/digits
	$(BIN)/hlsgen train $(BUILD)/digits --method bdwp --keep 2 --no-checkpoints

test: compiler $(VENV)/.test $(VENV)/.scalesim ## Run all tests.
	$(BIN)/python -m pytest -n $(JOBS)

quick: compiler $(VENV)/.test ## Run the tests that take moments.
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

lint: $(VENV)/.dev ## Check style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types.
	$(BIN)/mypy

bench: compiler $(VENV)/.bench ## Measure csim and build on this machine, and print one table.
	$(BIN)/python -m benchmarks

accuracy: compiler $(VENV)/.plot ## Train a CNN with each method and five seeds, and print one table.
	$(BIN)/hlsgen compare specs/digits_cnn.yaml --seeds 5 -o $(BUILD)/accuracy --markdown

clean: ## Remove the environment, the builds and the tools' caches.
	rm -rf $(VENV) $(BUILD) dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Before minutes of installing: this module needs none of it.
compiler: $(VENV)/.python
	@$(BIN)/python -m hlsgen.toolchain.compiler

$(VENV)/.python:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "$(PYTHON) not found: apt-get install python3, or set PYTHON" >&2; exit 3; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1), but 3.10 or newer is needed:" \
	    "set PYTHON, as in 'make demo PYTHON=python3.12'" >&2; exit 3; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) can't make virtual environments: apt-get install python3-venv" >&2; exit 3; }
	"$(PYTHON)" -m venv --clear "$(VENV)"
	@touch $@

# A stamp stands for one set of packages; pip changes nothing that is there already.
$(VENV)/.data: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[data]'
	@touch $@

$(VENV)/.plot: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[data,plot]'
	@touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[data,lint,plot,test]'
	$(PIP) --no-deps hls4ml
	@touch $@

# Beside the environment's packages and not among them: it needs an older NumPy. A Python that this
# NumPy has no wheel for goes without, and the test says that it was skipped.
$(VENV)/.scalesim: $(VENV)/.python
	rm -rf "$(VENV)/scalesim"
	$(PIP) --no-deps --only-binary :all: --target "$(VENV)/scalesim" \
	  'scalesim==3.0.0' 'numpy<2.4' tqdm || \
	  { rm -rf "$(VENV)/scalesim"; echo "no SCALE-Sim: its test will be skipped" >&2; }
	@[ ! -d "$(VENV)/scalesim" ] || touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[data,lint,plot,test,bench,dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[data,bench]'
	@touch $@
