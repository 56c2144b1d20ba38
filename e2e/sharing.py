"""Decides how many clusters share the stories, and which one a test process uses."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from e2e.lab import kind, lab
from e2e.lab.instance import DEFAULT_MEMORY, Instance, find
from e2e.lab.interruption import running_instances
from e2e.lab.memory import available_here
from e2e.world import STORIES_LAB

MAX_CLUSTERS = 2
"""More clusters would only share the cores of two."""
CONTROL_PLANE_MEMORY = 1536


@dataclass(frozen=True)
class ClusterPlan:
    """The number of clusters to use.

    Attributes:
        clusters: The number.
        reason: Why there is only one.
    """

    clusters: int
    reason: str = ""


def plan_clusters(cores: int, free: int, running: int = 0, node: str = "uml") -> ClusterPlan:
    """Decide how many clusters to use.

    Args:
        cores: The number of cores that this process may use.
        free: Available memory, in MiB.
        running: The number of clusters that already run and have their memory.
        node: The kind of the nodes' machine; an emulated one needs all cores.
    """
    needed = (MAX_CLUSTERS - min(running, MAX_CLUSTERS)) * (DEFAULT_MEMORY + CONTROL_PLANE_MEMORY)
    if cores < MAX_CLUSTERS:
        return ClusterPlan(1, "this machine has one core")
    if node != "uml":
        return ClusterPlan(1, f"a node on {node} needs both cores")
    if free < needed:
        return ClusterPlan(1, f"two need {needed} MiB of memory and {free} MiB are available")
    return ClusterPlan(MAX_CLUSTERS)


def plan_for_this_machine() -> ClusterPlan:
    """Decide for this machine, or use the cluster that the user provides."""
    if os.environ.get("KUBECONFIG"):
        return ClusterPlan(1, "KUBECONFIG names one")
    if kind.is_possible():
        return ClusterPlan(1, "kind makes one")
    free = available_here()
    running = len(running_instances(own_instances()))
    # Built here, with all cores, before each process is pinned to one.
    machine = lab.build(STORIES_LAB).machine
    return plan_clusters(len(os.sched_getaffinity(0)), free, running, machine.name)


def base_name() -> str:
    """Return the name of the cluster if there is only one."""
    return os.environ.get("OOMWARDEN_LAB", "test")


def name_of(worker: str | None) -> str:
    """Return the name of a test process's cluster; `worker` is None if there are no workers."""
    return f"{base_name()}-gw{_number(worker)}" if worker else base_name()


def core_of(worker: str, cores: Iterable[int]) -> int:
    """Return the core that a worker and its cluster are pinned to."""
    ordered = sorted(cores)
    return ordered[_number(worker) % len(ordered)]


def _number(worker: str) -> int:
    # A replacement for a crashed worker gets the next number, and reuses that worker's cluster.
    return int(worker.removeprefix("gw")) % MAX_CLUSTERS


def own_instances() -> list[Instance]:
    """Return the lab's instances that stories may use, with or without workers."""
    return [find(name) for name in (base_name(), name_of("gw0"), name_of("gw1"))]
