# `make demo` and `make test` need Python 3.10 or newer, Node.js 20 or newer and make; they put the rest in place.

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
DATA ?= ../shared/data
BUNDLE := src/simwidget/static/widget.js
NPM_CI := npm ci --no-audit --no-fund --loglevel=error
JUPYTER_AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# `make demo` looks whether standard input is a terminal, which jobs that run side by side do not get.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.PHONY: help demo test test-tools bench build clean tools

help:
	@echo 'make demo   draw a set of images, find its duplicates, open JupyterLab on the result'
	@echo 'make test   run every check, with one summary at the end'
	@echo 'make bench  measure against other tools and write docs/benchmarks.md; DATA=folder has photos/ and cifar/'
	@echo 'make build  build the front end into the Python package'
	@echo 'make clean  remove all that these made, the virtual environment and the demo set too'

demo: $(VENV)/.installed-demo $(BUNDLE)
	$(BIN)/simwidget demo demo
	@if [ -t 0 ]; then \
		$(BIN)/jupyter lab $(JUPYTER_AS_ROOT) notebooks/quickstart.ipynb; \
	else \
		echo 'No terminal: running notebooks/quickstart.ipynb without a browser.' && \
		$(BIN)/jupyter execute notebooks/quickstart.ipynb && \
		echo 'It ran from top to bottom. In a terminal, `make demo` opens it in JupyterLab.'; \
	fi

test:
	@$(MAKE) --no-print-directory --jobs=2 SIDE_BY_SIDE=1 test-tools
	$(BIN)/python scripts/check.py

test-tools: $(VENV)/.installed-test node_modules/.package-lock.json tests/ui/node_modules/.package-lock.json $(BUNDLE)

bench: $(VENV)/.installed-test $(PEERS)/.installed $(BUNDLE)
	$(BIN)/python benchmarks/run.py '$(DATA)'

build: $(BUNDLE)

clean:
	rm -rf $(VENV) $(PEERS) node_modules src/simwidget/static demo
	cd tests/ui && rm -rf node_modules work test-results playwright-report

tools:
	@test -n '$(PYTHON)' || { echo 'error: simwidget needs Python 3.10 or newer and found none.' \
		'Install it, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo 'error: simwidget needs Python 3.10 or newer, which $(PYTHON) is not.' >&2; exit 1; }
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo 'error: simwidget needs Node.js 20 or newer with npm and found none.' >&2; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { \
		echo "error: simwidget needs Node.js 20 or newer; this is $$(node --version)." >&2; exit 1; }

$(VENV)/.created: | tools
	'$(PYTHON)' -m venv $(VENV)
	@touch $@

# The front end is built by the rule below from the lock file, so pip need not build it a second time. Nor need it
# compile every module of every package: Python compiles those that are imported, which takes a fraction of the time.
$(VENV)/.installed-demo $(VENV)/.installed-test: $(VENV)/.installed-%: pyproject.toml $(VENV)/.created | $(BUNDLE)
	@echo 'Installing simwidget with what `make $*` needs into $(VENV); the first time takes some minutes.'
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(BIN)/python -m pip install --disable-pip-version-check --no-compile --quiet --editable '.[$*]'
	@touch $@

# In an environment of their own, so that they neither meet nor change the versions of what simwidget uses.
$(PEERS)/.installed: benchmarks/requirements-peers.txt | tools
	'$(PYTHON)' -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --requirement $<
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json | tools
	$(NPM_CI)
	@touch $@

tests/ui/node_modules/.package-lock.json: tests/ui/package.json tests/ui/package-lock.json | tools
	cd tests/ui && $(NPM_CI)
	@touch $@

$(BUNDLE): node_modules/.package-lock.json esbuild.config.mjs tsconfig.json $(shell find js/src -type f)
	npm run --silent build
	@touch $@
