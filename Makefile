# The project's commands. `make demo` and `make test` need only Python 3.11+, git and make: what else
# they need goes into .venv, which is built once. Plain make; no GNU version newer than 3.81 is asked for.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

BIN := .venv/bin
READY := .venv/ready

# Built again when the pins or the project's metadata change, and when the folder was moved or copied.
$(READY): pyproject.toml requirements/build.txt requirements/locked.txt
	@PYTHON="$(PYTHON)" scripts/setup

ifneq ($(shell cat $(READY) 2>/dev/null),$(shell pwd -P))
.PHONY: $(READY)
endif

.PHONY: help demo test lint types check bench scaling soak camera snapshots pictures requirements clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

demo: $(READY) ## see it work: a throw-away server, a live code, a check; ctrl+q ends it
	@exec $(BIN)/watchword demo

test: $(READY) ## run all tests
	@exec $(BIN)/python -m pytest --numprocesses=auto

lint: $(READY) ## ruff and the arrows between the packages
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

types: $(READY) ## mypy, strict, on everything
	@$(BIN)/mypy

check: lint types test ## all that has to hold before a change is sent

bench: $(READY) ## measure against the goals in docs/performance.md; ONLY="server-checks app-screen" for some
	@exec $(BIN)/python -m benchmarks $(ONLY)

scaling: $(READY) ## measure processes, keys and batches on PostgreSQL, and renew docs/scaling.md
	@exec $(BIN)/python -m benchmarks.scaling

soak: $(READY) ## full load on a server that is killed again and again; SECONDS=600; NODES=3: several on one PostgreSQL
	@SECONDS="$(SECONDS)" NODES="$(NODES)" SEED="$(SEED)" exec $(BIN)/python -m benchmarks.soak

snapshots: $(READY) ## renew the screens the tests compare with; look at them before you commit
	@exec $(BIN)/python -m pytest tests/tui --snapshot-update

camera: $(READY) ## photograph QR codes in real terminals, and count which are read
	@exec $(BIN)/python -m benchmarks.camera

pictures: $(READY) ## renew the pictures in docs, and the film
	@$(BIN)/python scripts/pictures.py
	@PYTHONPATH=tests $(BIN)/python scripts/page_pictures.py
	@$(BIN)/python scripts/cast.py

requirements: ## renew the pinned packages from pyproject.toml; ARGS=--upgrade for newer releases
	@$(or $(PYTHON),python3.11) -m venv --clear build/pip-tools
	@build/pip-tools/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	@exec build/pip-tools/bin/python scripts/requirements.py $(ARGS)

clean: ## remove .venv and everything else that was built
	rm -rf .venv build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
	    snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
