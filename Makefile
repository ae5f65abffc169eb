# Every target sets up what it needs; nothing outside .venv and .tools is touched.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
ARGS ?=
.PHONY: help install demo test test-install check bench chaos chaos-shop model crash-points pictures lock format

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

install: .venv/.installed  ## set up .venv from the lock

.venv/.installed: requirements.lock .ci/install
	@sh .ci/install

demo: install  ## run the whole system on embedded parts and tell its story (ARGS=--exit ends after it)
	@$(PY) -m syncproject.demo $(ARGS)

test: install  ## the whole test suite; services are used where they answer
	@sh .ci/test $(ARGS)

test-install: install  ## make install itself, where uv is absent, fails, or knows less than pip (no network)
	@$(PY) -m pytest -n 2 tests/install

check: install  ## format, lint, types, import contracts, migrations, OpenAPI, deployment checks
	@sh .ci/check

chaos: install  ## random writes against random failures (ARGS="--seconds 60 --seed 7 --pair postgres+redis")
	@$(PY) -m tests.chaos.run $(ARGS)

chaos-shop: install  ## the same on the example project and its ERP (ARGS="--seconds 60 --seed 7 --pair postgres+redis")
	@$(PY) -m tests.chaos.shop $(ARGS)

bench: install  ## the benchmarks, each with its baseline in the same run (ARGS=--quick takes a minute)
	@$(PY) -m bench $(ARGS)

model: install  ## every interleaving of the protocol, exhaustively (ARGS=--full)
	@$(PY) -m tests.chaos.model $(ARGS)

crash-points: install  ## every crash point of each use against real processes (ARGS="--all-pairs --write")
	@$(PY) -m tests.chaos.crash $(ARGS)

pictures: install  ## make the pictures of the documents, by the browser tests (docs/images; takes chromium)
	@PICTURES=docs/images $(PY) -m pytest tests/browser

format: install  ## rewrite the code in the project's format
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

lock:  ## resolve pyproject.toml into requirements.lock
	@sh .ci/install --lock
