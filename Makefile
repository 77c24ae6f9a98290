# `make study` and `make test` need Python 3.11 or newer, git and make; the rest is set up here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
CONFIG ?= config.yaml
# Options of the plan, such as PLAN=--gflops=200.
PLAN ?= --measure
TEST_WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: study plan test check bench bench-smallest docs clean

study: $(VENV)/.runtime
	$(BIN)/snakemake --cores $(CORES)

# What a study costs at full size, without running it: make plan CONFIG=configs/imagenet.yaml
plan: $(VENV)/.runtime
	PYTHONPATH=. $(BIN)/python -m bandprobe plan --config $(CONFIG) $(PLAN)

# Test files run two at a time, each with libraries that keep to one thread.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile

check: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python docs/generate_config.py --check
	$(BIN)/python docs/generate_usage.py --check
	$(BIN)/mkdocs build --strict

# The pages of docs/ as a site that needs no network, in site/.
docs: $(VENV)/.development
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.development
	$(BIN)/snakemake --cores $(CORES)
	$(BIN)/python benchmarks/study.py
	$(BIN)/python benchmarks/storage.py

bench-smallest: $(VENV)/.development
	$(BIN)/snakemake --cores $(CORES)
	$(BIN)/python benchmarks/study.py --smallest --repeats 1
	$(BIN)/python benchmarks/storage.py --samples 8

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .snakemake results/*/ logs
