# Two commands matter: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CONSTRAINTS ?= -c constraints.txt# empty: the newest versions that pyproject.toml allows
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS)
SOURCES := docs dtbench examples hatch_build.py policies solvers studies tests tuning README.md

.PHONY: help setup setup-dev setup-docs setup-clients demo test test-slow docs clients notebooks bench library policies claims reference dist lint format clean constraints
.DEFAULT_GOAL := help

help:            ## List the commands
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

setup: $(STAMP)  ## Create .venv and install dtbench with the tested versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dtbench needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

setup-dev: $(STAMP)-dev  ## Add what tests, checks and training need (torch among it)

$(STAMP)-dev: $(STAMP)
	$(PIP) -e '.[dev,learn,tensorboard,tune,peers]'
	@touch $@

demo: setup      ## Run the suite `quick`, print and write its leaderboard
	$(BIN)/dtbench run quick --results results/quick
	$(BIN)/dtbench leaderboard --results results/quick
	@echo "next: . $(VENV)/bin/activate && dtbench --help; docs/scores.md says what the columns mean" >&2

lint: setup-dev     ## Check format, style, types and who imports whom
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports

test: lint       ## Set up and pass every check: format, style, types, tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m "not slow and not clients"

test-slow: setup-dev ## The tests that take minutes
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m slow

setup-docs: $(STAMP)-docs

$(STAMP)-docs: $(STAMP)
	$(PIP) -e '.[dev,docs]'
	@touch $@

docs: setup-docs ## Build the documentation into docs/_build/html; warnings are errors, examples run
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html --fail-on-warning --keep-going --nitpicky -d docs/_build/doctrees docs docs/_build/html
	OMP_NUM_THREADS=1 $(BIN)/pytest -q tests/docs

setup-clients: $(STAMP)-clients  ## Add the third-party libraries that `make clients` runs

$(STAMP)-clients: $(STAMP)-dev
	$(PIP) -e '.[clients,dist]'
	$(PIP) --no-deps tianshou
	@touch $@

clients: setup-clients ## Run the third-party clients, and print a table of them; programs: tests/clients/debian.txt
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/clients -n auto --dist worksteal $(if $(TABLE),--clients-table $(TABLE))

notebooks: setup-clients ## Execute the notebooks of examples/ and write them back
	OMP_NUM_THREADS=1 $(BIN)/python tests/clients/notebooks.py

bench: setup-dev ## Measure speed, as ratios in one run
	$(BIN)/pytest tests/benchmarks --benchmark-group-by=group --benchmark-columns=median,rounds -s

library: setup   ## Freeze and certify what is missing of a problem's instances: make library PROBLEM=...
	$(BIN)/python -P -m dtbench.library.build $(PROBLEM) --workers 2

policies: setup-dev ## Train what is missing of the shipped policies (tuning/shipped.toml), two at once
	$(BIN)/python tuning/ship.py --workers 2

claims: setup-dev  ## Run what is missing of the published report on the papers' claims: hours
	$(BIN)/dtbench reproduce all --budget hours --results results/claims --workers 2

reference: setup-dev ## Run what is missing of the reference results and pack it: many hours
	$(BIN)/python tuning/reference.py small paper large --workers 2

dist: setup-clients  ## Build wheels and source archive of dtbench, and the wheel of its policies, into dist/
	rm -rf dist && $(BIN)/python -m build --outdir dist . && $(BIN)/python -m build --wheel --outdir dist policies
	$(BIN)/twine check --strict dist/* && $(BIN)/pyroma --min 10 . && $(BIN)/pyroma --min 10 policies

format: setup-dev ## Rewrite sources in the project's format
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

constraints:     ## Write constraints.txt anew: the newest versions allowed, torch as tested
	rm -rf .venv-new && $(PYTHON) -m venv .venv-new
	.venv-new/bin/python -m pip install --quiet -e '.[clients,dev,dist,docs,learn,tensorboard,tune,peers]' torch==2.13.0
	.venv-new/bin/python -m pip install --quiet --no-deps tianshou
	{ echo '# The tested set: what `make setup` and CI install. Written by `make constraints`.'; \
	  .venv-new/bin/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+cpu$$//'; } > constraints.txt
	rm -rf .venv-new

clean:           ## Remove the environment, caches and build outputs
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist docs/_build docs/_generated *.egg-info
