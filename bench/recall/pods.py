"""What the API server says of the node's pods: whose a container's id is."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bench.recall.judge import Report
from bench.recall.truth import Place

Json = dict[str, Any]
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_LISTS = ("containers", "initContainers", "ephemeralContainers")


@dataclass
class Pods:
    """Everything is kept: pods that are gone are still reported on."""

    namespaces: dict[str, str] = field(default_factory=dict)
    containers: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    """By the containers' ids of 64 digits: the pod's UID and the container's name."""

    def take(self, pod: Json) -> None:
        """Learn a pod, or its newer state."""
        uid, spec = str(pod["metadata"]["uid"]), pod.get("spec") or {}
        self.namespaces[uid] = str(pod["metadata"]["namespace"])
        self.containers[uid] = [one["name"] for kind in _LISTS for one in spec.get(kind) or ()]
        self.places |= {of: Place(uid, name) for name, of in _ids(pod.get("status") or {})}

    def place(self, place: Place) -> Place:
        """Name a container that is known by its id."""
        return self.places.get(place.container, place)

    def named(self, report: Report) -> Report:
        """Name a report's container; one whose id and name disagree is nobody's."""
        if report.container is None:
            return replace(report, container=report.name)
        unknown = Place(report.pod, report.name or report.container)
        known = self.places.get(report.container, unknown).container
        agreed = report.name in {None, known}
        return replace(report, container=known if agreed else f"{report.name}, not {known}")


def _ids(status: Json) -> Iterable[tuple[str, str]]:
    for kind in _STATUSES:
        for each in status.get(kind) or ():
            states = [each, *ended_states(each), (each.get("state") or {}).get("running") or {}]
            for state in states:
                if state.get("containerID"):
                    yield each["name"], bare(state["containerID"])


def ended(status: Json) -> Iterable[tuple[str, str]]:
    """Give id and reason of every container that a pod's status tells to have ended."""
    for kind in _STATUSES:
        for each in status.get(kind) or ():
            for over in ended_states(each):
                if over.get("containerID"):
                    yield bare(over["containerID"]), over.get("reason", "")


def ended_states(status: Json) -> list[Json]:
    """Give what a container's status tells of its present and its last end."""
    states = ((status.get(state) or {}).get("terminated") for state in ("state", "lastState"))
    return [over for over in states if over]


def bare(container: str) -> str:
    """Strip `containerd://` off an id."""
    return container.rpartition("//")[2]
