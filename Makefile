# Everything a developer does here, by name. `make help` lists it; only Python and make are needed.

PYTHON ?= python3
SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help run audit reconcile test proofs check package deploy destroy named-stage bench docs reference screenshots pictures \
        simulate conformance fuzz newest lock clean

PY = .venv/bin/python
RUN = requirements/local.txt requirements/model.txt
DEV = requirements/dev.txt requirements/model.txt
SITE = infra/site/package.json infra/site/package-lock.json

# A stamp is named after what its files say: it is made again when they change, whatever their dates.
sum = $(shell cat $(1) | cksum | tr ' ' '-')
RUN_STAMP := .venv/.installed-run-$(call sum,$(RUN))
DEV_STAMP := .venv/.installed-dev-$(call sum,$(DEV))

SITE_STAMP := .venv/.installed-site-$(call sum,$(SITE))

help: ## list these
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r name what; do printf '%-12s%s\n' "$$name" "$$what"; done

run: $(RUN_STAMP) $(SITE_STAMP) ## start everything on this machine: the gateway, its tables, a small real model
	@exec $(PY) -m infra.local --end-with-parent

audit: $(RUN_STAMP) ## check every balance of what `make run` runs, or of DYNAMODB_ENDPOINT_URL (FULL=1: from the beginning)
	@$(PY) -m infra.local.audit $(if $(FULL),--full)

reconcile: $(RUN_STAMP) ## repair what lost events of payment providers left, of the last DAYS=7, where `make audit` audits
	@$(PY) -m infra.local.reconcile $(if $(DAYS),--days $(DAYS))

test: check $(SITE_STAMP) ## run the checks, then the tests
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# These build what they need: Lambda's Web Adapter (cargo, minutes, once) and WireGuard (Go). What is missing is said.
proofs: $(DEV_STAMP) $(SITE_STAMP) ## the package on a stand-in for Lambda, and a llama-server behind a real tunnel; needs cargo and Go
	$(PY) -m tests.lambda_runtime.adapter
	$(PY) -m pytest tests/lambda_runtime tests/network

check: $(DEV_STAMP) ## lint, format, types, import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# A stage is a file of infra/aws/stages. Nothing is deployed or destroyed by default.
STAGES = $(patsubst infra/aws/stages/%.toml,%,$(wildcard infra/aws/stages/*.toml))
named-stage:
	@$(if $(STAGE),,$(error Name a stage: make $(MAKECMDGOALS) STAGE=… with one of: $(STAGES))):

package: named-stage $(DEV_STAMP) $(SITE_STAMP) ## make what a deployment needs, reproducibly, in .build/STAGE: STAGE=staging
	@$(PY) -m infra.aws.package --stage $(STAGE)

deploy: named-stage $(DEV_STAMP) $(SITE_STAMP) ## package, deploy to AWS, publish the site, try it, print the URL: STAGE=staging
	@$(PY) -m infra.aws.deploy --stage $(STAGE)

destroy: named-stage $(DEV_STAMP) ## remove a stage from AWS; tables and secrets stay, unless DATA=delete: STAGE=staging
	@$(PY) -m infra.aws.destroy --stage $(STAGE) $(if $(filter delete,$(DATA)),--delete-data)

bench: $(DEV_STAMP) $(SITE_STAMP) ## measure the gateway
	$(PY) -m benchmarks

REPOSITORY ?=
BASE_URL ?=
docs: $(DEV_STAMP) ## build the documentation's site in .build/docs and check its links; REPOSITORY= and BASE_URL= for a published one
	$(PY) -m infra.docs $(if $(REPOSITORY),--repository $(REPOSITORY)) $(if $(BASE_URL),--base-url $(BASE_URL))

reference: $(DEV_STAMP) ## write what is generated: OpenAPI, and docs/reference
	$(PY) -m infra.openapi
	$(PY) -m infra.reference

screenshots: $(DEV_STAMP) $(SITE_STAMP) ## pictures of every page, light, dark and on a phone, in .build/screenshots; needs a Chromium
	$(PY) -m tests.pages.screenshots

pictures: $(DEV_STAMP) $(SITE_STAMP) ## make every picture of docs/images again; needs a Chromium
	$(PY) -m infra.docs.drawings
	$(PY) -m infra.aws.costs --write
	$(PY) -m tests.pages.screenshots --docs
	$(PY) -m tests.examples.screenshots

SEEDS ?= 1000
simulate: $(DEV_STAMP) ## prove the ledger: SEEDS=1000 simulated deployments, each call of which may fail
	$(PY) -m tests.simulation.run --seeds $(SEEDS)

conformance: $(DEV_STAMP) ## compare the simulator's table with MiniStack, and with DynamoDB Local where Java and Maven are
	$(PY) -m tests.simulation.conformance

fuzz: $(DEV_STAMP) $(SITE_STAMP) ## ask a gateway everything that /openapi.json says, 2,000 times and more
	$(PY) -m tests.schemathesis

newest: $(DEV_STAMP) ## try the clients of docs/clients in their newest versions; needs npm
	$(PY) -m tests.examples.newest

lock: ## compile requirements/*.in to pinned, hashed files (needs uv)
	sh requirements/lock.sh

clean: ## remove caches and packages; .venv and .local (accounts, secrets) stay
	find . \( -path ./.venv -o -path ./.git -o -path ./.local \) -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(RUN_STAMP): | $(PY)
	@$(PY) -m infra.local.install $(RUN) --stamp $@

# dev.txt holds all that local.txt holds, so this install serves `make run` too.
$(DEV_STAMP): | $(PY)
	@$(PY) -m infra.local.install $(DEV) --stamp $@ --stamp $(RUN_STAMP)

# The Python of .venv is enough; npm is installed for it where the machine has none.
$(SITE_STAMP): | $(PY)
	@$(PY) -m infra.site.install --stamp $@

$(PY):
	@$(if $(shell $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo ok),,$(error $(PYTHON) is not Python 3.11 or newer. Install one, or name it: make run PYTHON=python3.12))
	@$(if $(shell $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && echo ok),,$(error $(PYTHON) has no venv module. Install it (on Debian: apt install python3-venv), or name another Python: make run PYTHON=python3.12))
	@echo "making .venv"
	@$(PYTHON) -m venv --clear .venv
