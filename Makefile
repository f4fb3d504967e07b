# make demo | test | check | bench. Each sets up what it needs in .venv first.
VENV ?= .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
export DS_BUILD_OPS = 0
export DS_ACCELERATOR ?= cpu

.PHONY: demo test check bench setup

demo: setup
	$(VENV)/bin/lema

# Two files at a time, in the order of their folders: the long ones of tests/flow and tests/real come first.
test: setup
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PYTHON) -m mypy

bench: setup
	for file in benchmarks/*.py; do echo "== $$file"; $(PYTHON) $$file || exit 1; done

setup: $(READY)

# torch first: DeepSpeed's build looks for it.
$(READY): pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --constraint constraints.txt torch setuptools wheel
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --no-build-isolation deepspeed
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
