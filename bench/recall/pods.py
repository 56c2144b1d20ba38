"""The node's pods by the API server: the pod and name of each container ID."""

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
    """All pods of the run; deleted ones are kept, because late reports are about them."""

    namespaces: dict[str, str] = field(default_factory=dict)
    containers: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    """Pod UID and container name by the 64-digit container ID."""

    def update(self, pod: Json) -> None:
        """Add or update a pod."""
        uid, spec = str(pod["metadata"]["uid"]), pod.get("spec") or {}
        self.namespaces[uid] = str(pod["metadata"]["namespace"])
        self.containers[uid] = [one["name"] for kind in _LISTS for one in spec.get(kind) or ()]
        self.places |= {of: Place(uid, name) for name, of in _ids(pod.get("status") or {})}

    def place(self, place: Place) -> Place:
        """Replace a known container ID by the container's name."""
        return self.places.get(place.container, place)

    def with_name(self, report: Report) -> Report:
        """Replace the container ID by the name; an ID and a name that disagree match nothing."""
        if report.container is None:
            return replace(report, container=report.name)
        unknown = Place(report.pod, report.name or report.container)
        known = self.places.get(report.container, unknown).container
        agreed = report.name in {None, known}
        return replace(report, container=known if agreed else f"{report.name}, not {known}")


def _ids(status: Json) -> Iterable[tuple[str, str]]:
    for kind in _STATUSES:
        for each in status.get(kind) or ():
            states = [
                each,
                *terminated_states(each),
                (each.get("state") or {}).get("running") or {},
            ]
            for state in states:
                if state.get("containerID"):
                    yield each["name"], bare_id(state["containerID"])


def terminations(status: Json) -> Iterable[tuple[str, str]]:
    """Yield ID and reason of every terminated container in a pod's status."""
    for kind in _STATUSES:
        for each in status.get(kind) or ():
            for over in terminated_states(each):
                if over.get("containerID"):
                    yield bare_id(over["containerID"]), over.get("reason", "")


def terminated_states(status: Json) -> list[Json]:
    """Return the terminated states of a container's status: `state` and `lastState`."""
    states = ((status.get(state) or {}).get("terminated") for state in ("state", "lastState"))
    return [over for over in states if over]


def bare_id(container: str) -> str:
    """Remove the prefix `containerd://` of a container ID."""
    return container.rpartition("//")[2]
