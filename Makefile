# `make demo` paints a picture, `make test` runs the suite; both set up .venv first.
# ARGS goes to the program: make test ARGS="tests/engine -k prompt"

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
FLOORS = $(wildcard engine data bot cogs training bench tests examples)
BENCHES = $(basename $(notdir $(wildcard bench/speed.py bench/fidelity.py bench/load.py)))

# The first Python on the path that is new enough; a name on the path alone proves nothing, since
# version managers leave names there that only print an error.
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

test: $(STAMP) ## run the suite, without the slow tests
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-all: $(STAMP) ## run the suite, slow tests too
	$(BIN)/python -m pytest $(ARGS)

bot: $(STAMP) ## run the Discord bot with the settings in .env
	$(BIN)/python -m bot $(ARGS)

lint: $(STAMP) ## check style and types
	$(BIN)/ruff check $(FLOORS)
	$(BIN)/mypy $(FLOORS)

texts: $(STAMP) ## bring the catalogues of what the bot says up to date
	$(BIN)/python -m bot.locales.update

bench: $(STAMP) ## measure speed, fidelity and load
	@set -e; for bench in $(BENCHES); do \
		echo "bench.$$bench"; $(BIN)/python -m bench.$$bench $(ARGS); done

setup: $(STAMP) ## make .venv with the tested versions of everything

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11 is needed; install it, or name one: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) comes without venv or pip; install them (Debian: apt install" \
			"python3.11-venv) and try again." >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean: ## remove .venv and what the tools cached; pictures in demo/ stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(FLOORS) -name __pycache__ -type d -prune -exec rm -rf {} +
