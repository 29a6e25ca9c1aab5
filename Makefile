# Two commands do everything, set-up included:
#   make demo    the main job on real digits, two to six minutes after set-up
#   make test    the tests
# Others: make test-all (the slow ones too), make check (linters, types, imports), make docs (the
# site, into build/site), make browser (pages in Chromium), make examples, make bench (but for
# those in bench/ that need tables of trained networks, hours on real data, or Chromium).
#
# PYTHON=python3.12 chooses the interpreter. On Linux the package index serves a CUDA build of
# PyTorch; TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the much smaller CPU build.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
TORCH := $(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
NEED_TABLES := $(addprefix bench/,how_sure.py predict.py predict_nb201.py predict_nested.py imagenet_rows.py proxies_nb201.py slim_accuracy.py patch_certificates.py bit_audit.py explore.py)

.PHONY: demo test test-all check docs browser examples bench clean

demo: $(VENV)/.runtime
	$(BIN)/nnmass demo

test: $(VENV)/.dev
	$(BIN)/pytest -n auto

test-all: $(VENV)/.dev
	$(BIN)/pytest -n auto -m "not gpu and not data and not browser"

check: $(VENV)/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

browser: $(VENV)/.dev
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then $(BIN)/pytest -m browser tests/report; \
	else echo "Chromium is not installed: pages were not opened in a browser (apt install chromium)"; fi

examples: $(VENV)/.dev
	$(BIN)/pytest -n auto -m "" tests/examples

bench: $(VENV)/.dev
	for file in $(filter-out $(NEED_TABLES),$(wildcard bench/*.py)); do $(BIN)/python $$file || exit 1; done

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "nnmass needs Python 3.11 or newer; choose one with PYTHON=python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) (about a minute, once) ..."
	$(TORCH)
	$(PIP) --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.runtime
	$(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo
