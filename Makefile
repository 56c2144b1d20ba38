# `make check` while you work, `make test` for everything, `make demo` to see it work.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV = $(shell tools/venv.sh)
RUN = PATH="$(VENV)/bin:$$PATH" PYTHONPATH=operator:.
UNIT = pytest -q -n auto tests --ignore=tests/kernel_vm --ignore=tests/browser
# Each process has its own cluster. The order is that of e2e/order.py. Groups (xdist_group) have no effect
# under pytest 9.2: pytest-xdist 3.8 sets Item._nodeid, which pytest no longer reads.
STORIES = pytest -v -n auto --dist loadgroup --no-loadscope-reorder

.PHONY: help check lint types unit coverage test test-fast fuzz soak browser-test kernel-test e2e \
	bench bench-recall bench-enforce bench-scale bench-weight demo demo-down lab-down generate verify docs docs-serve lock wheel dist plugin

help: ## print this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# .pre-commit-config.yaml has a hook for each of these.
check: lint types unit ## lint, types, unit tests: no root, no cluster
lint:
	@$(RUN) ruff check . && $(RUN) ruff format --check . && $(RUN) lint-imports --no-cache 2>&1 | tail -n 12
types:
	@$(RUN) mypy
unit:
	@$(RUN) $(UNIT)
coverage: ## unit tests, and that they cover enough branches (fail_under in pyproject.toml)
	@$(RUN) $(UNIT) --cov

generate: ## write CRDs, chart copies, manifests and the reference pages
	@$(RUN) python tools/generate.py
verify: ## fail if a generated file is stale
	@$(RUN) python tools/generate.py --check

# The theme announces its successor at each build; that is no warning about this site.
MKDOCS = NO_MKDOCS_2_WARNING=1 mkdocs
docs: ## build the documentation site into build/site; a broken link fails
	@$(RUN) $(MKDOCS) build --strict
docs-serve: ## show the documentation site at http://127.0.0.1:8000, and follow changes
	@$(RUN) $(MKDOCS) serve

demo: ## start a real cluster, cause an OOM kill, and show its record
	@python3 -m e2e.demo
demo-down: ## stop what `make demo` started
	@python3 -m e2e.lab down --name demo

lab-down: ## stop the labs of the stories
	@for name in test test-gw0 test-gw1; do python3 -m e2e.lab down --name $$name || exit; done

# `coverage` runs the unit tests of `check`, so they run once.
test: ## everything: check with coverage, real kernels, real clusters; prints the time of each phase
	@python3 tools/phases.py lint types coverage verify docs browser-test kernel-test e2e
browser-test: ## the page of `kubectl oom report` and the docs site in a real browser, which is downloaded once
	@$(RUN) pytest -q tests/browser
kernel-test: ## checks of kernel behaviour on two real kernels (root)
	@$(RUN) pytest -q tests/kernel_vm
e2e: ## user stories on real clusters (STORY=test_kills.py; ARGS=--shuffle; KUBECONFIG=... for your own)
	@$(RUN) $(STORIES) e2e/$(STORY) $(ARGS)
test-fast: check ## check, the stories that need no node, and one kill on a node
	@$(RUN) $(STORIES) e2e -m "not node or smoke" $(ARGS)

fuzz: ## feed arbitrary kernel logs, mountinfo, cgroup names and objects (MINUTES=10; prints its seed)
	@$(RUN) python -m tests.fuzz --minutes $(or $(MINUTES),10) $(ARGS)

soak: ## one agent lives through the pods and kills of a bad day (PODS=10000); fails if something grows
	@$(RUN) python -m tests.soak $(or $(PODS),10000)

bench: ## latency, start-up and footprint (ARGS="demo": durations)
	@$(RUN) python -m bench $(ARGS)

bench-recall: ## recall, duplicates and latency of four reporters of kills (ARGS="--only quiet,burst --compare old.json")
	@$(RUN) python -m bench.recall $(ARGS)

bench-enforce: ## how soon a policy is in effect on starting containers and on a full node, and what it costs
	@$(RUN) python -m bench winners starts policy-change

bench-scale: ## what 2,000 nodes cost the operator, beside a real API server on this machine (NODES=500; ARGS="--json new.json --compare old.json")
	@$(RUN) python -m bench.scale --nodes $(or $(NODES),2000) $(ARGS)
bench-weight: ## memory and CPU time of an agent, without a cluster (ARGS="--base REVISION" for two beside each other)
	@$(RUN) python -m bench.weight $(ARGS)

lock: ## resolve requirements/*.txt from pyproject.toml, and the Go modules that the lab compiles
	@$(RUN) python tools/lock.py
wheel: ## build the wheel
	@$(RUN) python -m build --wheel --no-isolation --outdir dist .
dist: ## build what goes to PyPI: the source distribution, and the wheel from it
	@$(RUN) python -m build --no-isolation --outdir dist .
plugin: ## build the archive of kubectl oom for krew, for this platform
	@$(RUN) python -m tools.release.plugin dist
