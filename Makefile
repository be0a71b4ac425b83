# Everything a newcomer needs: Python 3.11 or newer, git and make.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
PACKAGES := tap-oura simulator collector
# A run is several short processes, and each would compile Meltano, the tap or dbt again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo run test soak bench lint format generated image psql stop clean dictionary constraints
help:            ## Show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: .venv/ready  ## Install everything into .venv and .meltano
	@$(BIN)/python collect.py setup

demo: .venv/ready  ## Try it out: a simulated ring, an embedded PostgreSQL
	@$(BIN)/python collect.py demo

run: .venv/ready   ## Collect from Oura once, with the credentials of .env
	@$(BIN)/python collect.py --once

psql: .venv/ready  ## Open the database
	@$(BIN)/python collect.py psql

stop: .venv/ready  ## Stop the demo's simulator and the embedded database
	@$(BIN)/python collect.py stop

test: .venv/ready-dev  ## Run every test
	@$(BIN)/python -m pytest

soak: .venv/ready-dev  ## Run the tests that take many minutes
	@$(BIN)/python -m pytest -m soak -n 0 --override-ini timeout=3600
	@OURA_HISTORIES=5000 OURA_REAL_HISTORIES=100 OURA_KILLS=30 $(BIN)/python -m pytest -n 0 \
	  --override-ini timeout=3600 \
	  tests/faults/test_histories.py tests/faults/test_real_histories.py tests/faults/test_kills.py

bench: .venv/ready-dev  ## Measure it beside its peers; an hour or so, on a quiet machine
	@$(BIN)/python -m benchmarks.bench

lint: .venv/ready-dev  ## Check style, imports between rooms, types, SQL and shell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy $(PACKAGES:%=%/*_*) tap-oura/hub collect.py transform monitoring/prometheus
	$(BIN)/mypy --explicit-package-bases tests benchmarks
	@# Each has modules named tests.conftest, so one after another; their programs are found in the folder above.
	set -e; for package in $(PACKAGES); do \
	  (cd $$package && MYPYPATH=.. ../$(BIN)/mypy --config-file ../pyproject.toml --explicit-package-bases tests); done
	cd simulator && ../$(BIN)/mypy --config-file ../pyproject.toml --explicit-package-bases benchmarks
	cd monitoring/grafana && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml .
	$(BIN)/sqlfluff lint --disable-progress-bar transform
	$(BIN)/shellcheck .ci/run .ci/release tests/image/inside tests/image/build
	$(BIN)/hadolint Dockerfile

format: .venv/ready-dev  ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generated: .venv/ready  ## Write what is derived: staging, dictionary, dashboards, cluster's rules, Meltano's definitions of the tap
	@$(BIN)/python -m transform.generate
	@$(BIN)/python monitoring/grafana/dashboards.py
	@$(BIN)/python monitoring/prometheus/cluster_rule.py
	@$(BIN)/python tap-oura/hub/definition.py

image:             ## Build the container image, with docker or buildah
	@tests/image/build oura-collector:0.1.0

clean: stop        ## Remove what was installed and collected here
	rm -rf .venv .meltano .data

dictionary: generated  ## Renew docs/data-dictionary.md

constraints: .venv/ready  ## Renew constraints.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --upgrade \
	  $(PACKAGES:%=%/pyproject.toml) --extra aws --group plugins --group dev --no-emit-package tap-oura -o constraints.txt

.venv/ready: constraints.txt meltano.yml pyproject.toml $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@echo "Installing (a minute or two the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(INSTALL) $(PACKAGES:%=--editable %)
	@# No database is needed for this, and the one used last may be gone.
	@MELTANO_DATABASE_URI=sqlite:///:memory: $(BIN)/meltano --log-level warning install
	@touch $@

.venv/ready-dev: .venv/ready
	@$(INSTALL) --group dev
	@touch $@
