# make demo   install, run a small sweep of samplers on real digits, show the ranked table and
#             write the report as an HTML page
# make test   install what tests need, then format, lint, types and the whole test-suite
# make bench  the benchmarks whose numbers are in docs/benchmarks.md

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test bench clean

demo: .venv/installed
	$(BIN)/scorebench run suites/digits_sweep.yaml
	$(BIN)/scorebench report results/digits_sweep

test: .venv/installed-dev
	scripts/install_browser $(BIN)/python
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks.harness
	$(BIN)/python -m benchmarks.noise
	$(BIN)/python -m benchmarks.cells
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.factor_mixture
	$(BIN)/python -m benchmarks.samplers
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.metrics --agree
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.report

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("scorebench needs Python 3.11 or later, this is " + sys.version.split()[0] + "; try make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.venv/installed-bench: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

clean:
	rm -rf .venv build results *.egg-info
