# The loop: `make check` (seconds), `make test` (everything), `make demo` (see it work).
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV = $(shell tools/venv.sh)
RUN = PATH="$(VENV)/bin:$$PATH" PYTHONPATH=operator:.
# Each process has its own cluster; what shares a fixture stays together; the order is ours.
STORIES = pytest -v -n auto --dist loadgroup --no-loadscope-reorder

.PHONY: help check lint types unit test test-fast fuzz kernel-test e2e bench bench-recall bench-enforce demo demo-down lab-down generate verify lock wheel

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: lint types unit ## lint, types, unit tests: seconds, no root
lint:
	@$(RUN) ruff check . && $(RUN) ruff format --check . && $(RUN) lint-imports --no-cache 2>&1 | tail -n 12
types:
	@$(RUN) mypy
unit:
	@$(RUN) pytest -q -n auto tests --ignore=tests/kernel_vm

generate: ## write CRDs, chart copies and manifests
	@$(RUN) python tools/generate.py
verify: ## fail when something generated is stale
	@$(RUN) python tools/generate.py --check

demo: ## a real cluster, a real OOM kill, and what oomwarden says about it
	@python3 -m e2e.demo
demo-down: ## end exactly what `make demo` started
	@python3 -m e2e.lab down --name demo

lab-down: ## end the lab that the stories use
	@for name in test test-gw0 test-gw1; do python3 -m e2e.lab down --name $$name || exit; done

test: ## everything: check, real kernels, real clusters; says at its end where the time went
	@python3 tools/phases.py check verify kernel-test e2e
kernel-test: ## what the kernel really does, on two kernels (root)
	@$(RUN) pytest -q tests/kernel_vm
e2e: ## the user stories on real clusters (STORY=test_kills.py; ARGS=--shuffle; KUBECONFIG=... for your own)
	@$(RUN) $(STORIES) e2e/$(STORY) $(ARGS)
test-fast: check ## while working: check, what needs no node, one kill on a node
	@$(RUN) $(STORIES) e2e -m "not node or smoke" $(ARGS)

fuzz: ## feed kernel log, mountinfo, cgroup names and objects anything (MINUTES=10; the seed is printed)
	@$(RUN) python -m tests.fuzz --minutes $(or $(MINUTES),10) $(ARGS)

bench: ## latency, start-up and footprint (ARGS="demo": how long things take)
	@$(RUN) python -m bench $(ARGS)

bench-recall: ## who tells of every kill, once, and how soon (ARGS="--only quiet,burst --compare old.json")
	@$(RUN) python -m bench.recall $(ARGS)

bench-enforce: ## who wins, how soon a policy holds on starts and on a full node, what it costs
	@$(RUN) python -m bench winners starts policy-change

lock: ## resolve requirements/*.txt from pyproject.toml, and the modules that the lab compiles
	@$(RUN) python tools/lock.py
wheel: ## build the wheel
	@$(RUN) python -m build --wheel --no-isolation --outdir dist .
