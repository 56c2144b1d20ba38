"""How many clusters share the stories, and which of them is a test process's own."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from e2e.lab import kind, lab
from e2e.lab.instance import DEFAULT_MEMORY, Instance, find
from e2e.lab.interruption import running_among
from e2e.lab.memory import available_here
from e2e.world import STORIES_LAB

MOST = 2
"""More would only share the cores of two."""
CONTROL_PLANE_MEMORY = 1536


@dataclass(frozen=True)
class Share:
    """How many clusters there are, and why there are not more."""

    clusters: int
    because: str = ""


def share(cores: int, free: int, running: int = 0, node: str = "uml") -> Share:
    """Decide how many clusters to take.

    Args:
        cores: How many this process may use.
        free: Memory that can be had, in MiB.
        running: Clusters that have their memory already.
        node: The kind of machine that nodes are: an emulated one needs all cores.
    """
    needed = (MOST - min(running, MOST)) * (DEFAULT_MEMORY + CONTROL_PLANE_MEMORY)
    if cores < MOST:
        return Share(1, "this machine has one core")
    if node != "uml":
        return Share(1, f"a node on {node} needs both cores")
    if free < needed:
        return Share(1, f"two need {needed} MiB of memory and {free} MiB are available")
    return Share(MOST)


def share_here() -> Share:
    """Decide for this machine, or for the one cluster that the user gives."""
    if os.environ.get("KUBECONFIG"):
        return Share(1, "KUBECONFIG names one")
    if kind.is_possible():
        return Share(1, "kind makes one")
    free = available_here()
    running = len(running_among(own_instances()))
    # Built by all cores, before a process is pinned to one.
    machine = lab.build(STORIES_LAB).machine
    return share(len(os.sched_getaffinity(0)), free, running, machine.name)


def base_name() -> str:
    """Name the cluster that has the stories to itself."""
    return os.environ.get("OOMWARDEN_LAB", "test")


def name_of(worker: str | None) -> str:
    """Name the cluster of a test process; there is no worker where one process does it all."""
    return f"{base_name()}-gw{_number(worker)}" if worker else base_name()


def core_of(worker: str, cores: Iterable[int]) -> int:
    """Give the core that a worker and its cluster have to themselves."""
    ordered = sorted(cores)
    return ordered[_number(worker) % len(ordered)]


def _number(worker: str) -> int:
    # A worker that takes the place of a lost one is counted on, and takes over its cluster.
    return int(worker.removeprefix("gw")) % MOST


def own_instances() -> list[Instance]:
    """List the lab's instances that stories may use, with or without workers."""
    return [find(name) for name in (base_name(), name_of("gw0"), name_of("gw1"))]
