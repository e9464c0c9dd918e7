# `make demo` paints a picture, `make test` runs the tests; both set up .venv first.
# ARGS is passed to the program: make test ARGS="tests/engine -k prompt"

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
CODE = $(wildcard engine data bot cogs training bench tests examples)
# The whole suite takes two processes; a part of it, named in ARGS, is faster in one.
PYTEST = pytest $(if $(ARGS),,-n 3 --dist loadfile)
BENCHES = speed fidelity load

# The first Python on the path that is new enough. Each is run, because version managers leave
# commands on the path that only print an error.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$python; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all kernels coverage bot lint style types format texts bench setup clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## paint "a volcano erupting at night" into demo/
	@mkdir -p demo
	$(BIN)/imagine "a volcano erupting at night" -o demo/volcano.png \
		--video demo/volcano.mp4 --preview demo/volcano.preview.png $(ARGS)

test: $(STAMP) ## run the tests, without the slow ones
	$(BIN)/python -m $(PYTEST) -m "not slow" $(ARGS)

test-all: $(STAMP) ## run all tests, with the slow ones
	$(BIN)/python -m $(PYTEST) $(ARGS)

kernels: $(STAMP) ## install Triton (1 GB) and test the kernels for GPUs in its interpreter
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt triton
	$(BIN)/python -m pytest tests/engine/fused $(ARGS)

coverage: $(STAMP) ## run `make test` and report its coverage; fails below the floor
	$(BIN)/coverage erase
	$(BIN)/coverage run -m $(PYTEST) -m "not slow" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bot: $(STAMP) ## run the Discord bot with the settings in .env
	$(BIN)/python -m bot $(ARGS)

lint: style types ## check style and types

style: $(STAMP) ## check style only, in a second
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet . || { \
		echo "Some files are not formatted; run: make format" >&2; exit 1; }

types: $(STAMP) ## check types only
	$(BIN)/mypy $(CODE)

format: $(STAMP) ## format the code (docs/adr/0006-ruff-format.md)
	$(BIN)/ruff check --select I --fix --quiet .
	$(BIN)/ruff format .

texts: $(STAMP) ## update the catalogues of the bot's texts
	$(BIN)/python -m bot.locales.update

bench: $(STAMP) ## measure speed, fidelity and load
	@set -e; for bench in $(BENCHES); do \
		echo "bench.$$bench"; $(BIN)/python -m bench.$$bench $(ARGS); done

setup: $(STAMP) ## make .venv with the tested versions of all packages

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11, 3.12 or 3.13 is needed. Install one, or name it:" \
			"make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv or pip. Install them (Debian: apt install" \
			"python3.11-venv) and try again." >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean: ## remove .venv and the tools' caches; pictures in demo/ stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.coverage .coverage.*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
