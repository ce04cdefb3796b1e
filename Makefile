# Everything works on a machine that has only Python 3.11 (or later) and make.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin
# Set to a number to run tests one after the other (0) or on so many processes.
TEST_PROCESSES ?= auto

.PHONY: help demo test ui lint format bench docs clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv

.venv/.ready: pyproject.toml uv.lock | $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	$(UV) sync --frozen --quiet
	@touch $@

demo: .venv/.ready  ## a synthetic year from landing to report, in demo-data/
	LAKEHOUSE_DATA_DIR=demo-data LAKEHOUSE_REPORTS_DIR=demo-data/reports $(RUN)/lakehouse demo

test: .venv/.ready  ## all tests
	$(RUN)/pytest -n $(TEST_PROCESSES) -q

ui: .venv/.ready  ## the Dagster UI over data/
	$(RUN)/lakehouse ui

lint: .venv/.ready  ## ruff and mypy
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

format: .venv/.ready  ## let ruff mend what it can
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

bench: .venv/.ready  ## seconds and peak memory per layer, of experiments and of KPIs, against plain DuckDB (N=1000000 order items)
	$(RUN)/python -m benchmarks.layers $(if $(N),--items $(N))
	$(RUN)/python -m benchmarks.experiments
	$(RUN)/python -m benchmarks.kpis

docs: .venv/.ready  ## the data dictionary
	$(RUN)/lakehouse docs

clean:  ## removes the environment and the demo, never data/
	rm -rf .venv .uv demo-data
