# Everything that one does with Quire from a clone. `make help` lists it.

SHELL := /bin/sh
PY := .venv/bin/python
QUIRE := $(PY) -m deploy.embedded
.DEFAULT_GOAL := help
.PHONY: help demo up down status test check format bench eval lock clean install sglang sglang-install sglang-stop test-sglang

# The first Python that is new enough and can make virtual environments.
SUITABLE = import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
FIND_PYTHON = for candidate in python3 python3.13 python3.12 python3.11 python3.14; do \
	  $$candidate -c '$(SUITABLE)' >/dev/null 2>&1 && echo $$candidate && break; done

help:  ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## */  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

install:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
	  echo "quire: needs Python 3.11 or newer with the modules venv and ensurepip (on Debian: apt install python3-venv)." >&2; \
	  echo "quire: python3 here is: $$(python3 --version 2>&1 || true)" >&2; exit 1; fi; \
	exec $$python deploy/install.py

demo: install  ## empty the database, read the shipped samples, show the values; at a terminal it stays until Ctrl-C
	@exec $(QUIRE) demo

up: install  ## start the stack and leave it running
	@exec $(QUIRE) up

down: install  ## stop the stack
	@exec $(QUIRE) down

status: install  ## show the processes of the stack
	@exec $(QUIRE) status

test: install  ## every test that needs no GPU and no SGLang
	@exec $(PY) -m pytest -n auto --dist worksteal $(ARGS)

check: install  ## lint, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	DJANGO_SETTINGS_MODULE=apps.config.settings.test $(PY) -W ignore manage.py makemigrations --check --dry-run

format: install  ## put the source into the one format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: install  ## print the speed ratios, write .run/bench.json
	@exec $(PY) -m deploy.bench $(ARGS)

eval: install  ## print the accuracy on the corpus, write .run/eval.json
	@exec $(PY) -m deploy.eval $(ARGS)

sglang: install  ## install a real SGLang server for the CPU, write tiny models, start the servers: .run/sglang.json
	@exec $(PY) -m deploy.sglang.cpu.serve start

sglang-stop: install  ## stop what `make sglang` started
	@exec $(PY) -m deploy.sglang.cpu.serve stop

sglang-install: install
	@exec $(PY) -m deploy.sglang.cpu.install

test-sglang: install  ## test the wire against the servers of `make sglang`, or the one that QUIRE_TEST_INFERENCE_URL names
	@exec $(PY) -m deploy.sglang.cpu.contract $(ARGS)

lock: install  ## resolve the dependencies anew into deploy/requirements.lock
	@test -x .run/uv/bin/uv || { $(PY) -m venv .run/uv && .run/uv/bin/pip install -q uv; }
	.run/uv/bin/uv pip compile pyproject.toml --all-extras --group dev --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --quiet -o deploy/requirements.lock

clean:  ## stop the stack and delete .run and .venv, with every document in it
	@if [ -x $(PY) ]; then $(QUIRE) clean; fi
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
