# `make help` lists what there is. Settings: .env.example.
python := .venv/bin/python
tollgate := @$(python) -m include.cli
.DEFAULT_GOAL := help
.PHONY: help setup demo test faults up down status backfill notice explain docs preview warehouse-url release acknowledge override verify audit bench dry-run

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv from the locked requirements (every other target does it first)
	@scripts/setup

demo: setup ## process a made-up week through the DAGs and show what comes of it
	$(tollgate) demo

test: setup ## run every test
	@$(python) -m pytest

faults: setup ## go through the matrix of faults, docs/reliability.md, and many more damaged files
	@$(python) -m pytest -n 0 -m faults

bench: setup ## measure the ingest beside others, and notices, 35 minutes: ARGS="--write", docs/performance.md
	@$(python) -m benchmarks $(ARGS)

up: setup ## start the platform: PostgreSQL and Airflow
	$(tollgate) up

down: setup ## stop it, leaving no process
	$(tollgate) down

status: setup ## show what runs
	$(tollgate) status

backfill: setup ## process service dates in order: FROM=YYYY-MM-DD TO=YYYY-MM-DD
	$(tollgate) backfill --from "$(FROM)" --to "$(TO)"

notice: setup ## process the traceback notices in the landing folder at once
	$(tollgate) notice

explain: setup ## a recommendation, down to files and lines: ID=<recommendation_id>
	$(tollgate) explain "$(ID)"

docs: setup ## build the documentation of the data as a static site, lineage of every column included
	$(tollgate) docs

# From the environment, where `make` puts them: what people write may hold quotes.
release: setup ## sign a party's release: PARTY="customer <id>" CAUSE=… EVIDENCE=… LIMITS=… APPROVER=… SECOND=…
	$(tollgate) release "$$PARTY" --cause="$$CAUSE" --evidence="$$EVIDENCE" --limits="$$LIMITS" --approver="$$APPROVER" --second="$$SECOND"

acknowledge: setup ## say that an order is carried out: ACTION=<action_id> BY=… [NOTE=…]
	$(tollgate) acknowledge "$$ACTION" --by="$$BY" --note="$$NOTE"

override: setup ## let a failed check of a gate pass: DAY=… GATE=… CHECK=… BY=… SECOND=… REASON=… UNTIL=… [FEEDS=…]
	$(tollgate) override "$$DAY" "$$GATE" "$$CHECK" --by="$$BY" --second="$$SECOND" --reason="$$REASON" --until="$$UNTIL" --feeds="$$FEEDS"

preview: setup ## what a file is to a feed's declaration, without loading it: FEED=cdr/<name> FILE=<path>
	$(tollgate) preview "$(FEED)" "$(FILE)"

dry-run: setup ## which verdicts other rules would change, and why: RULES=<path> DAYS=28
	$(tollgate) dry-run "$(RULES)" "$(or $(DAYS),28)"

warehouse-url: setup ## print a connection URL for the read-only role bi_reader
	$(tollgate) warehouse-url

verify: setup ## check the ledger, its published heads, receipts and gates, and make past recommendations again: SAMPLE=2
	$(tollgate) verify --sample "$(or $(SAMPLE),2)"

audit: setup ## ask whether a locked dependency has a known vulnerability
	@$(python) -m include.platform.advisories
