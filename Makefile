# make demo    simulate a small scene, make its card, print its accuracy, leave a picture
# make test    all tests
# make check   format, lint, types, layers
# make bench   benchmarks (minutes)
# Each sets up what it needs: a virtual environment in .venv, nothing outside it.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: demo test check bench format clean setup

setup: $(READY)

$(READY): pyproject.toml tools/setup
	tools/setup $(VENV)
	touch $(READY)

demo: $(READY)
	$(BIN)/s1card demo --out demo

test: $(READY)
	$(BIN)/pytest -n $(JOBS) --dist loadfile

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/pip install --quiet -e '.[bench]'
	$(BIN)/python -m benchmarks.full_scene
	$(BIN)/python -m benchmarks.full_pair
	$(BIN)/python -m benchmarks.parcels
	$(BIN)/python -m benchmarks.territory

clean:
	rm -rf $(VENV) build demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
