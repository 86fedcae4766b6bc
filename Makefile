# make demo    set up everything and run the desk with a demo mailbox (ARGS="--once" plays the sample mails and ends)
# make test    run every test, against real servers
# The other targets are described in CONTRIBUTING.md.
.POSIX:
.PHONY: demo test test-python check bench chaos eval train lock environment-demo environment-dev servers

ARGS =
PYTHON_IN = .venv/bin/python
PYTEST = $(PYTHON_IN) -m pytest

demo: environment-demo
	@$(PYTHON_IN) -m worker.demo $(ARGS)

test: environment-dev servers
	$(PYTEST) $(ARGS)

test-python:
	@.ci/test-python

check: environment-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: environment-dev servers
	$(PYTHON_IN) -m tests.bench $(ARGS)

chaos: environment-dev servers
	$(PYTEST) tests/chaos $(ARGS)

eval: environment-dev
	$(PYTHON_IN) -m tests.corpus.evaluate $(ARGS)

train: environment-dev
	$(PYTHON_IN) -m tests.corpus.train

lock: environment-dev
	@.ci/lock $(ARGS)

environment-demo:
	@.ci/prepare environment demo

environment-dev:
	@.ci/prepare environment dev

servers:
	@.ci/prepare servers
