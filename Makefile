# The only commands to remember. Every target that needs the environment makes or refreshes .venv first.
# Paths here are relative, so that the checkout may lie in a folder with a space in its name.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
PYTHON ?=
PORT ?= 8000

# A candidate is run, not only looked up: shims of version managers exist without a Python behind them.
FIND_PYTHON = $(shell for p in "$(PYTHON)" python3.13 python3.12 python3.11 python3 python; do \
	[ -n "$$p" ] && "$$p" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	2>/dev/null && echo "$$p" && break; done)
# The folder is part of the stamp: a moved checkout has an editable install that points to the old place.
STAMP = $$( (pwd; cat locks/*.txt pyproject.toml) | cksum)
STALE := $(shell { [ "$$(cat .venv/.stamp 2>/dev/null)" = "$(STAMP)" ] && $(PY) -c pass; } 2>/dev/null || echo yes)

# Nothing but files whose hashes are in the lock files (tools/book/lock.py).
LOCKED = $(PY) -m pip install -q --no-deps --only-binary :all: --require-hashes

# Two workers on one thread each: on two cores this beats one worker on two threads.
TEST_ENV = OMP_NUM_THREADS=1 ALGAN_LITE_PROGRESS=0 ALGAN_LITE_PROFILE=$${ALGAN_LITE_PROFILE:-smoke}
NBVAL = --nbval-lax --nbval-current-env --nbval-cell-timeout=120 -n 2 --dist loadscope -o filterwarnings=default

.PHONY: help env book serve test lint unit doctest notebooks test-colab slow coverage format numbers bench results audit wheel lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

env: ## make or refresh .venv (PYTHON=/path/to/python picks the interpreter)
ifeq ($(STALE),yes)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(if $(FIND_PYTHON),"$(FIND_PYTHON)",$(error No Python 3.11, 3.12 or 3.13 with venv found: install one, or name it: make $(or $(MAKECMDGOALS),book) PYTHON=/path/to/python)) -m venv --clear .venv
	@echo "Installing the environment into .venv (some minutes the first time)"
	@$(LOCKED) -r locks/torch-cpu.txt 2>/dev/null || true
	@$(LOCKED) -r locks/everything.txt
	@case "$$($(PY) -c 'from importlib.metadata import version; print(version("torch"))')" in *+cpu) ;; \
	  *) $(LOCKED) -r locks/torch-cuda.txt ;; esac
	@$(PY) -m pip install -q --no-deps --no-build-isolation -e .
	@echo "$(STAMP)" > .venv/.stamp
endif

book: env ## execute the notebooks, build the book, print the file to open
	@$(PY) -m tools.book.build

serve: ## show the built book on http://127.0.0.1:8000 (PORT=n for another port)
	@test -f _build/html/index.html || { echo "No book yet: run make book first"; exit 1; }
	@echo "http://127.0.0.1:$(PORT)  (Ctrl-C stops)"
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

test: lint unit doctest notebooks ## lint, unit tests, doctests and every notebook

lint: env ## ruff on Python files and notebooks, and the floors of the package
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@.venv/bin/lint-imports --no-cache --no-logo

unit: env ## the fast tests
	@$(TEST_ENV) MPLBACKEND=Agg $(PY) -m pytest -q -n 2 tests

doctest: env ## the examples of the docstrings
	@$(TEST_ENV) MPLBACKEND=Agg $(PY) -m pytest -q --doctest-modules algan_lite

notebooks: env ## run every notebook with nbval (ALGAN_LITE_PROFILE=smoke unless set)
	@$(TEST_ENV) $(PY) -m pytest -q $(NBVAL) book

test-colab: wheel ## run every notebook with Colab's pins, alone in an empty folder (NOTEBOOK=name for one)
	@$(PY) -m tools.book.colab $(NOTEBOOK)

slow: env ## the tests that take minutes, with the wheel in an empty environment
	@$(TEST_ENV) $(PY) -m pytest -q -m slow -n 2 --dist loadfile --durations=8 tests

coverage: env ## line coverage of the unit tests
	@$(TEST_ENV) $(PY) -m pytest -q -n 2 --cov --cov-report=term tests

format: env ## format Python files and notebooks, strip outputs, refresh the first cells
	@$(PY) -m tools.book.first_cell
	@find book -name '*.ipynb' -exec $(PY) -m nbstripout --keep-id {} +
	@$(PY) -m ruff check -q --fix .
	@$(PY) -m ruff format -q .

numbers: env ## an advisory report: numbers of the prose that no cell asserts
	@$(PY) -m tools.book.numbers

bench: env ## speed figures, one a line: name value unit
	@$(PY) -m tools.bench

results: env ## remake the shipped studies, resuming (STUDY=name for one; an hour or so on two cores)
	@$(PY) -m tools.book.results $(STUDY)

audit: env ## look at every page of the built book in headless Chromium
	@$(PY) -m tools.audit

wheel: env ## build the wheel into dist/
	@rm -rf build
	@$(PY) -m build --wheel --no-isolation --outdir dist . >/dev/null && ls dist/*.whl

lock: env ## write the lock files anew, after a change of requirements.txt
	@$(PY) -m pip install -q uv==0.13.9
	@$(PY) -m tools.book.lock .venv/bin/uv

clean: ## remove what was built (not .venv)
	@rm -rf _build build dist .pytest_cache .ruff_cache .coverage algan_lite.egg-info
