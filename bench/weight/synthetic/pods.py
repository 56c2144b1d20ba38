"""The pods of the synthetic node; everything about one follows from its number."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

TIERS = ("web", "batch", "db", "cache", "api", "queue")
OWN_NAMESPACES = ("api", "queue")
"""Tiers that have a namespace for themselves, with an OOMPolicy in it."""
NAMESPACES = (*OWN_NAMESPACES, *(f"team-{number}" for number in range(8)))
_SCORES = {"Guaranteed": -997, "Burstable": 970, "BestEffort": 1000}
_LIMIT = 64 << 20


@dataclass(frozen=True)
class Container:
    """A container that runs.

    Attributes:
        name: Its name in the pod.
        processes: How many processes it has.
        restarts: How often it was restarted; its ID follows from it.
    """

    name: str
    processes: int = 1
    restarts: int = 0

    def id_in(self, uid: str) -> str:
        """Return the ID that the runtime gave it."""
        return hashlib.sha256(f"{uid}/{self.name}/{self.restarts}".encode()).hexdigest()


@dataclass(frozen=True)
class Pod:
    """A pod of the synthetic node.

    Attributes:
        number: Its number on the node; everything else follows from it.
        containers: Its containers.
        killed: The container that was killed and does not run yet.
    """

    number: int
    containers: Sequence[Container]
    killed: str = ""

    @property
    def uid(self) -> str:
        """Its UID, which is the same in each run."""
        return str(uuid.UUID(hashlib.md5(f"pod-{self.number}".encode()).hexdigest()))  # noqa: S324

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.tier if self.tier in OWN_NAMESPACES else f"team-{self.number % 8}"

    @property
    def name(self) -> str:
        """Its name, as a ReplicaSet names it."""
        return f"{self.tier}-{self.number:04}-7c9d8b6f5d-{self.uid[:5]}"

    @property
    def tier(self) -> str:
        """The label that policies select."""
        return TIERS[self.number % len(TIERS)]

    @property
    def qos(self) -> str:
        """Its QoS class: a fifth each is Guaranteed and BestEffort."""
        return {0: "Guaranteed", 1: "BestEffort"}.get(self.number % 5, "Burstable")

    @property
    def limit(self) -> int | None:
        """The memory limit of each of its containers, in bytes."""
        return None if self.qos == "BestEffort" else _LIMIT

    @property
    def score(self) -> int:
        """The oom_score_adj that the kubelet gives its processes."""
        return _SCORES[self.qos]

    def with_container(self, changed: Container, killed: str = "") -> "Pod":
        """Return the pod with another state of a container."""
        containers = [changed if each.name == changed.name else each for each in self.containers]
        return replace(self, containers=tuple(containers), killed=killed)


def pods(count: int, two_containers: int, two_processes: int) -> list[Pod]:
    """Return pods, of which some have a second container, and some containers a second process."""
    found: list[Pod] = []
    left = two_processes
    for number in range(count):
        names = ("main", "sidecar")[: 1 + (number < two_containers)]
        sizes = [1 + (index < left) for index, _ in enumerate(names)]
        left = max(left - len(names), 0)
        made = tuple(Container(*each) for each in zip(names, sizes, strict=True))
        found.append(Pod(number, made))
    return found
