# make demo    set up, then run the main job on embedded real data (about two minutes on 2 cores)
# make test    set up, then run the test suite, all but what the next three do
# make test-processes     set up, then test what starts programs: torchrun, kills and Ctrl-C, servers, compilers
# make test-walkthroughs  set up, then do what README, notebooks, how-to pages and experiments say, from start to end
# make test-browser  set up, then look at the explorer in Chromium; skipped where there is none
# make check   set up, then lint, format, types, import contracts, and the documentation
# make docs    set up, then the documentation in the browser, as it is edited
# make dist    set up, then build wheel and sdist, and run the demo with each in an environment of its own
# make bench   set up, then measure speed beside rivals; hours, or minutes with BENCH=--quick
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: help setup demo test test-processes test-walkthroughs test-browser check docs dist bench format clean
help:
	@sed -n 's/^# make/make/p' $(MAKEFILE_LIST)

setup: $(VENV)/.installed

# The stamp makes a second call do nothing, so that it also works offline.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"landscape needs Python 3.11 or newer, {sys.executable} is {sys.version.split()[0]}; try: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/python scripts/demo.py

# As many processes as cores, of one thread each; what they start anew need not be compiled anew.
PYTEST  = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

test: setup
	$(PYTEST) -m "not browser and not walkthrough and not processes"

test-processes: setup
	$(PYTEST) -m processes

test-walkthroughs: setup
	$(PYTEST) -m walkthrough

# One at a time: scenes without a graphics card take all cores there are.
test-browser: setup
	$(BIN)/python -m pytest tests/browser -m browser -rs

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

bench: setup
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[bench]'
	$(BIN)/python scripts/benchmark.py $(BENCH)

# Both are installed where nothing else is, far from this folder, and do the main job.
dist: setup
	rm -rf dist build
	$(BIN)/python -m build --outdir dist .
	for made in dist/*; do \
	    rm -rf build/check && $(PYTHON) -m venv build/check && \
	    build/check/bin/python -m pip install --disable-pip-version-check --quiet $$made && \
	    cp scripts/demo.py build/check && \
	    (cd build/check && bin/python demo.py --out demo && bin/landscape info demo/plane.h5) || exit 1; \
	done

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
