# `make study` and `make test` need Python 3.11 or newer, git and make; the rest is set up here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
CONFIG ?= config.yaml
# Options of the plan, such as PLAN=--gflops=200.
PLAN ?= --measure
# Inputs for each target of the fuzz tests.
FUZZ ?= 5000
TEST_WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: study demo plan verify fuzz test test-all browser latex cluster-test check bench bench-smallest docs clean

study: $(VENV)/.runtime
	$(BIN)/snakemake --cores $(CORES)

# Something to see within two minutes: a few crops, one network, two layers, two modes.
demo: $(VENV)/.runtime
	PYTHONPATH=. $(BIN)/python -m bandprobe run configs/demo.yaml --cores $(CORES)

# What a study costs at full size, without running it: make plan CONFIG=configs/imagenet.yaml
plan: $(VENV)/.runtime
	PYTHONPATH=. $(BIN)/python -m bandprobe plan --config $(CONFIG) $(PLAN)

# Check that the stored files of a study are intact: make verify CONFIG=my-study.yaml
verify: $(VENV)/.runtime
	$(BIN)/snakemake --cores 1 --configfile $(CONFIG) -- verify

# Tests run two at a time, each with libraries that keep to one thread. How they are spread is said in
# tests/conftest.py.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS)

# Before a push: all but those that are marked as slow.
test: check browser
	$(PYTEST) -m "not slow"

test-all: check browser latex
	$(PYTEST)

# A small study in object storage; then, as root on Debian, through a Slurm of one node.
cluster-test: $(VENV)/.cluster $(VENV)/storage/.installed
	$(VENV)/storage/bin/python -m pytest tests/cluster/test_storage.py
	tests/cluster/run $(BIN)/python

# The report is tested in a Chromium. On Debian, as root, it is installed here; elsewhere the tests say
# what is missing.
browser:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null || [ -n "$$BANDPROBE_BROWSER" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    chromium fonts-dejavu-core >/dev/null; \
	else echo "There is no Chromium: the tests of the report will be skipped. Debian: apt-get install chromium"; fi

# Tables are compiled by a real LaTeX: 48 MB to fetch, 150 MB on disk. Without it those tests say what is
# missing.
latex:
	@if command -v pdflatex >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    texlive-latex-recommended >/dev/null; \
	else echo "There is no pdflatex: its tests will be skipped. Debian: apt-get install texlive-latex-recommended"; fi

# Damaged and hostile inputs, other ones each time; `make test` tries a few, always the same.
fuzz: $(VENV)/.development
	FUZZ_INPUTS=$(FUZZ) $(BIN)/python -m pytest -q tests/fuzz

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
	$(BIN)/python docs/generate_glossary.py --check
	$(BIN)/mkdocs build --strict

# The pages of docs/ as a site that needs no network, in site/.
docs: $(VENV)/.development
	$(BIN)/mkdocs build --strict

# In the order of docs/benchmarks.md, whose tables are filled at the end.
BENCHMARKS := study one_script peers rules precision storage growth report gpu

bench: $(VENV)/.bench
	$(BIN)/snakemake --cores $(CORES)
	set -e; for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name; done
	$(BIN)/python -m benchmarks.tables

# Whether they still work; their numbers mean nothing.
bench-smallest: $(VENV)/.bench
	$(BIN)/snakemake --cores $(CORES)
	set -e; for name in $(BENCHMARKS) scale; do \
	  $(BIN)/python -m benchmarks.$$name --smallest --output results/benchmarks/smallest/$$name.json; done

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.bench: $(VENV)/.development
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

$(VENV)/.cluster: $(VENV)/.development
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cluster]'
	touch $@

# An environment that sees the project's and puts a few packages before it.
$(VENV)/storage/.installed: tests/cluster/storage.txt $(VENV)/.development
	$(BIN)/python -m venv $(VENV)/storage
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$($(VENV)/storage/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth
	$(VENV)/storage/bin/python -m pip install --quiet --no-deps --requirement $<
	touch $@

clean:
	rm -rf $(VENV) .snakemake results/*/ logs
