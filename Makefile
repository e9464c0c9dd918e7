# `make demo` paints a picture, `make test` runs the tests; both set up .venv first.
# ARGS is passed to the program: make test ARGS="tests/engine -k prompt"

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
CODE = $(wildcard engine data bot cogs training bench tests examples)
BENCHES = speed fidelity load

# The first Python on the path that is new enough. Each is run, because version managers leave
# commands on the path that only print an error.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$python; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all bot lint texts bench setup clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## paint "a volcano erupting at night" into demo/
	@mkdir -p demo
	$(BIN)/imagine "a volcano erupting at night" -o demo/volcano.png \
		--video demo/volcano.mp4 --preview demo/volcano.preview.png $(ARGS)

test: $(STAMP) ## run the tests, without the slow ones
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-all: $(STAMP) ## run all tests, with the slow ones
	$(BIN)/python -m pytest $(ARGS)

bot: $(STAMP) ## run the Discord bot with the settings in .env
	$(BIN)/python -m bot $(ARGS)

lint: $(STAMP) ## check style and types
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)

texts: $(STAMP) ## update the catalogues of the bot's texts
	$(BIN)/python -m bot.locales.update

bench: $(STAMP) ## measure speed, fidelity and load
	@set -e; for bench in $(BENCHES); do \
		echo "bench.$$bench"; $(BIN)/python -m bench.$$bench $(ARGS); done

setup: $(STAMP) ## make .venv with the tested versions of all packages

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11 is needed. Install it, or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv or pip. Install them (Debian: apt install" \
			"python3.11-venv) and try again." >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean: ## remove .venv and the tools' caches; pictures in demo/ stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
