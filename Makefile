# Every target makes the environment it needs, and only when something changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOWEST := .venv-lowest
LOWEST_STAMP := $(LOWEST)/.installed
# Small nets run fastest on one thread, and tests must not fight for two cores.
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg
# Lets scikit-learn's array-API check run too.
export SCIPY_ARRAY_API ?= 1

.PHONY: help install demo test test-lowest stress lint format examples data docs linkcheck bench study clean

help:
	@echo "make demo      the tour: one stop a domain, tables and pictures in demo_output/"
	@echo "make test      all tests, without a network"
	@echo "make test-lowest  the same with the lowest versions that pyproject.toml admits"
	@echo "make lint      ruff, mypy"
	@echo "make examples  every script of the gallery"
	@echo "make data      download the public data into data/ (needs a network)"
	@echo "make docs      the documentation, its snippets and links checked, in docs/_build/html"
	@echo "make linkcheck the addresses of other sites in it (needs a network)"
	@echo "make bench     the benchmarks against other libraries"
	@echo "make study     the tables of the documentation, some hours"
	@echo "make stress    the long fault and fuzz runs"

# torch first and pinned: a plain 'torch' may bring gigabytes of CUDA libraries.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not stress"

$(LOWEST_STAMP): pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt torch
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e ".[test]"
	@touch $@

test-lowest: $(LOWEST_STAMP)
	$(LOWEST)/bin/python -m pytest -n 2 --dist worksteal -m "not stress"

stress: $(STAMP)
	$(BIN)/python -m pytest -m stress tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

examples: $(STAMP)
	$(BIN)/python examples/run_all.py

data: $(STAMP)
	$(BIN)/python examples/fetch_data.py

docs: $(STAMP)
	$(BIN)/python -m pytest -q -n 2 tests/test_docs.py tests/test_docs_site.py tests/test_readme.py
	$(BIN)/python -m sphinx -W --keep-going -j 1 -b html docs docs/_build/html

linkcheck: $(STAMP)
	$(BIN)/python -m sphinx -D plot_gallery=0 -b linkcheck docs docs/_build/linkcheck

bench: $(STAMP)
	$(BIN)/python benchmarks/run_all.py

# Some hours: the tables of docs/results/.
study: $(STAMP)
	$(BIN)/python benchmarks/galaxy.py
	$(BIN)/python benchmarks/fashion.py reproduce
	$(BIN)/python benchmarks/fashion.py overfitting
	$(BIN)/python benchmarks/overfitting.py
	$(BIN)/python benchmarks/xray.py
	$(BIN)/python benchmarks/diffraction.py real net study
	$(BIN)/python benchmarks/gaps.py
	$(BIN)/python benchmarks/gaps_study.py
	$(BIN)/python benchmarks/repeat_study.py
	$(BIN)/python benchmarks/fashion.py speed
	$(BIN)/python benchmarks/xray_catalogue.py
	$(BIN)/python benchmarks/diffraction.py simulate match memory
	$(BIN)/python benchmarks/gaps_events.py
	$(BIN)/python benchmarks/gaps_nmf.py
	$(BIN)/python benchmarks/inspection.py
	$(BIN)/python benchmarks/memory.py

clean:
	rm -rf docs/_build docs/api/generated docs/auto_examples demo_output
