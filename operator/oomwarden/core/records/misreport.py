"""Container statuses that hide an OOM kill: the kernel killed, the kubelet reports otherwise."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from oomwarden.core.incidents.incident import Incident
from oomwarden.core.model.pod import SpecLimit
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.shapes import validated
from oomwarden.core.pods.shape import POD_STATUS
from oomwarden.core.records.event import (
    EVENT_MAX_AGE_SECONDS,
    describe_container,
    describe_kill,
    event_on_pod,
)

STABLE_SECONDS = 45.0
"""How long a wrong status has to stay the same: the kubelet corrects many."""
KEEP_SECONDS = 600.0
"""How long a kill waits for the container's status, and a status for the kill."""
MAX_CONTAINERS = 256
"""Those that were updated last: a case with its pod takes about 5 KiB."""
MAX_RIGHT = 32
"""Of these, containers whose status does not hide the kill. A status seldom becomes wrong later."""
REPEAT_SECONDS = 3600.0
"""Minimum time between two Events of a container, as in a crash loop; an Event lives as long."""
_RIGHT = "OOMKilled"
_BY_SIGKILL = 137
"""128 + 9: of the first process, or of a shell whose child it was."""
_READ_SECONDS = 15.0
"""Counters are read at least this often while an agent runs."""
_EARLIER_SECONDS, _LATER_SECONDS = 4.0, 5.0
"""A kill is found immediately; the kubelet reports whole seconds; a large process dies slowly."""
_GROUP_DIES_SECONDS = 60.0
_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


class Termination(Struct, frozen=True):
    """How a container ended, as the kubelet reports it.

    Attributes:
        finished: Wall-clock seconds; None if the status has no time.
    """

    pod_uid: str
    container_id: str
    reason: str
    exit_code: int
    finished: float | None = None


class ContainerKill(Struct, frozen=True):
    """A recorded kill in a container whose id is known."""

    container_id: str
    incident: Incident

    def contradicts(self, termination: Termination) -> bool:
        """Return whether the status hides that the container died of this kill.

        A group kill ends its container. After a single kill the container may keep running and end
        for another reason later, so it must have ended at that time, by SIGKILL.
        """
        finished, before = termination.finished, self.incident.context.before
        if termination.reason == _RIGHT or finished is None:
            return False
        if self.incident.counter_range.group_kills > 0:
            return finished <= before + _GROUP_DIES_SECONDS
        just_then = before - _EARLIER_SECONDS <= finished <= before + _LATER_SECONDS
        return termination.exit_code == _BY_SIGKILL and just_then and self._was_found_promptly()

    def _was_found_promptly(self) -> bool:
        after = self.incident.context.after
        return after is not None and self.incident.context.before - after <= _READ_SECONDS


def container_kill(incident: Incident, now: float) -> ContainerKill | None:
    """Return the kill for comparison with the container's status.

    Args:
        incident: The incident.
        now: Wall-clock seconds.

    Returns:
        None if the container's id is unknown, or if the kill is too old for an Event.
    """
    found = incident.counter_range.container
    if found is None or found.container_id is None or incident.container is None:
        return None
    if now - incident.context.before > EVENT_MAX_AGE_SECONDS:
        return None
    return ContainerKill(found.container_id, incident)


def terminations(pod: Mapping[str, Any]) -> Iterator[Termination]:
    """Return how a Pod's containers ended, the current ones and the ones before them."""
    status, _ = validated(pod.get("status") or {}, POD_STATUS)
    known, uid = status if isinstance(status, dict) else {}, str(pod["metadata"]["uid"])
    for each in (one for key in _LISTS for one in known.get(key) or ()):
        for state in (each.get("state") or {}, each.get("lastState") or {}):
            ended = state.get("terminated") or {}
            container_id = ended.get("containerID", "").rpartition("//")[2]
            if container_id:
                finished = _seconds(ended.get("finishedAt"))
                reason, code = ended.get("reason", ""), ended.get("exitCode", 0)
                yield Termination(uid, container_id, reason, code, finished)


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


class _Case(Struct):
    """What is known of one container.

    Attributes:
        touched: When the kill or the termination was last added.
        since: Since when the kubelet reports this status.
        reported: Whether the contradiction was already reported.
    """

    touched: float
    kill: ContainerKill | None = None
    termination: Termination | None = None
    since: float = 0.0
    reported: bool = False

    @property
    def due(self) -> float | None:
        """When to report the contradiction; None if there is none, or none left to report."""
        if self.reported or self.kill is None or self.termination is None:
            return None
        return self.since + STABLE_SECONDS if self.kill.contradicts(self.termination) else None


class TerminationMatcher(Struct):
    """Matches kills with terminations, whichever comes first, and reports contradictions once.

    Keeps the `MAX_CONTAINERS` that were updated last. Times are seconds of one monotonic clock.
    """

    _cases: dict[str, _Case] = field(default_factory=dict)
    _reported: dict[tuple[str, str], float] = field(default_factory=dict)

    def add_kill(self, kill: ContainerKill, now: float) -> None:
        """Add a kill. A container's last kill counts, but none replaces a group kill."""
        case = self._case(kill.container_id, now)
        if case.kill is None or case.kill.incident.counter_range.group_kills == 0:
            case.kill = _without_details(kill)

    def update_terminations(self, pod_uid: str, ended: Iterable[Termination], now: float) -> None:
        """Replace what the kubelet reports of a pod's containers."""
        known = {one.container_id: one for one in ended}
        for key, case in self._cases.items():
            if (old := case.termination) and old.pod_uid == pod_uid and key not in known:
                case.termination = None
        for termination in known.values():
            self._update(termination, now)

    def _update(self, termination: Termination, now: float) -> None:
        known = self._cases.get(termination.container_id)
        before = known.termination if known is not None else None
        if before == termination or (known is None and termination.reason == _RIGHT):
            return
        case = self._case(termination.container_id, now)
        if before is None or _status(before) != _status(termination):
            case.since = now
        case.termination = termination
        if termination.reason == _RIGHT:
            ended = ((key, each.termination) for key, each in self._cases.items())
            for key in [key for key, how in ended if how and how.reason == _RIGHT][:-MAX_RIGHT]:
                del self._cases[key]

    def pop_due(self, now: float) -> list[tuple[ContainerKill, Termination]]:
        """Return what has to be reported now, once, and drop expired containers."""
        for key in [k for k, case in self._cases.items() if now - case.touched > KEEP_SECONDS]:
            del self._cases[key]
        found: list[tuple[ContainerKill, Termination]] = []
        for case in self._cases.values():
            due = case.due
            if due is not None and due <= now and case.kill and case.termination:
                case.reported = True
                if self._is_new(case.kill, now):
                    found.append((case.kill, case.termination))
        return found

    def _is_new(self, kill: ContainerKill, now: float) -> bool:
        """Return whether the pod's container of this name was not reported lately."""
        self._reported = {k: at for k, at in self._reported.items() if now - at < REPEAT_SECONDS}
        facts = kill.incident.container
        key = (kill.incident.pod.uid, facts.name if facts else "")
        return key not in self._reported and self._reported.setdefault(key, now) == now

    def next_due(self) -> float | None:
        """Return when something has to be reported if nothing changes; None: never."""
        return min((due for case in self._cases.values() if (due := case.due)), default=None)

    def _case(self, container_id: str, now: float) -> _Case:
        case = self._cases.pop(container_id, None) or _Case(now)
        case.touched = now
        self._cases[container_id] = case
        while len(self._cases) > MAX_CONTAINERS:
            del self._cases[next(iter(self._cases))]
        return case


def _without_details(kill: ContainerKill) -> ContainerKill:
    """Drop what an Event does not say: samples, lines of the log, labels and resources."""
    incident = kill.incident
    pod, container = incident.pod, incident.container
    slim = replace(
        incident,
        pod=replace(pod, labels={}, containers=(), owner=None, tmpfs=()),
        container=container and replace(container, spec=SpecLimit()),
        context=replace(incident.context, memory=None),
        log=(),
        pod_memory=None,
    )
    return replace(kill, incident=slim)


def _status(termination: Termination) -> tuple[str, int]:
    return termination.reason, termination.exit_code


def misreport(kill: ContainerKill, termination: Termination, now: float) -> Manifest:
    """Return the Event on the Pod.

    Args:
        kill: The kill.
        termination: The status that hides it.
        now: Wall-clock seconds.
    """
    incident = kill.incident
    pod = incident.pod
    status = f"{termination.reason or 'no reason'} (exit code {termination.exit_code})"
    note = (
        f"{describe_container(incident)}: the kubelet reports {status}, but it was an OOM kill: "
        f"{describe_kill(incident)}"
    )
    key, node = f"misreport/{kill.container_id}", incident.context.node
    return event_on_pod(
        pod, incident.container, node, "OOMKilledMisreported", "Killed", key, note, now
    )
