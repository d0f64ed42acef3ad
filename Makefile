# make demo    simulate a small scene, make its card, print its accuracy, leave a picture
# make test    all tests
# make check   format, lint, types, layers
# make bench   benchmarks (minutes)
# Each sets up what it needs: a virtual environment in .venv; test and bench also servers and tools from Debian's packages.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_FOR_TESTS := $(VENV)/.ready-for-tests
# On two cores: there are always tests that wait, for servers, containers, processes to be killed.
JOBS ?= 3

.PHONY: demo test check bench format clean setup

setup: $(READY)

$(READY): pyproject.toml tools/setup
	tools/setup $(VENV)
	touch $(READY)

$(READY_FOR_TESTS): $(READY) tools/setup-tests tools/setup-postgis tools/setup-slurm tools/setup-containers
	tools/setup-tests
	touch $(READY_FOR_TESTS)

demo: $(READY)
	$(BIN)/s1card demo --out demo

test: $(READY_FOR_TESTS)
	$(BIN)/pytest -n $(JOBS) --dist loadfile

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY_FOR_TESTS)
	$(BIN)/pip install --quiet -e '.[bench]'
	$(BIN)/python -m benchmarks.full_scene
	$(BIN)/python -m benchmarks.full_pair
	$(BIN)/python -m benchmarks.parcels
	$(BIN)/python -m benchmarks.territory

clean:
	rm -rf $(VENV) build demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
