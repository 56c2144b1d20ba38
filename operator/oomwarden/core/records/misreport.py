"""Where Kubernetes is wrong: the kernel killed a container for memory, its status says other."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oomwarden.core.incidents.incident import Incident
from oomwarden.core.objects.shapes import shaped
from oomwarden.core.pods.shape import POD_STATUS
from oomwarden.core.records.event import (
    EVENT_MAX_AGE_SECONDS,
    NOTE_BYTES,
    killing,
    regarding,
    reporting_instance,
    truncate,
    where,
)
from oomwarden.core.records.oomkill import Manifest, Witness, timestamp

STANDS_SECONDS = 45.0
"""How long a wrong word has to stand: the kubelet takes back many."""
KEEP_SECONDS = 600.0
"""How long a kill waits for the kubelet's word, and a word for its kill."""
AT_MOST = 512
REPEAT_SECONDS = 3600.0
"""Once in so long of one container of a pod: a crash loop repeats it, an Event lives as long."""
_RIGHT = "OOMKilled"
_BY_SIGKILL = 137
"""128 + 9: of the first process, or of a shell whose child it was."""
_READ_SECONDS = 15.0
"""Counters are read at least this often while an agent runs."""
_EARLIER_SECONDS, _LATER_SECONDS = 4.0, 5.0
"""A kill is found at once, the kubelet tells whole seconds, a large process dies slowly."""
_GROUP_DIES_SECONDS = 60.0
_NAME_MAX = 253
_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


@dataclass(frozen=True, slots=True)
class Termination:
    """How the kubelet says that a container ended. `finished` in wall-clock seconds."""

    pod_uid: str
    container_id: str
    reason: str
    exit_code: int
    finished: float | None = None


@dataclass(frozen=True, slots=True)
class RecordedKill:
    """A kill that a record tells, of a container whose id is known."""

    container_id: str
    incident: Incident
    witness: Witness

    def contradicts(self, ending: Termination) -> bool:
        """Whether the kubelet hides that the container died of this kill.

        A group kill ends its container. After a single kill the container may go on and end for
        a reason of its own: so it has to have ended just then, by SIGKILL.
        """
        finished, before = ending.finished, self.witness.before
        if ending.reason == _RIGHT or finished is None:
            return False
        if self.incident.booking.group_kills > 0:
            return finished <= before + _GROUP_DIES_SECONDS
        just_then = before - _EARLIER_SECONDS <= finished <= before + _LATER_SECONDS
        return ending.exit_code == _BY_SIGKILL and just_then and self._was_found_at_once()

    def _was_found_at_once(self) -> bool:
        after = self.witness.after
        return after is not None and self.witness.before - after <= _READ_SECONDS


def recorded_kill(incident: Incident, witness: Witness, now: float) -> RecordedKill | None:
    """Give what can be compared with the kubelet's word; None: no id, or too old for an Event.

    `now` in wall-clock seconds.
    """
    found = incident.booking.container
    if found is None or found.container_id is None or incident.container is None:
        return None
    if now - witness.before > EVENT_MAX_AGE_SECONDS:
        return None
    return RecordedKill(found.container_id, incident, witness)


def endings(pod: Mapping[str, Any]) -> Iterator[Termination]:
    """Read from a Pod's JSON how its containers ended, the present ones and those before."""
    status, _ = shaped(pod.get("status") or {}, POD_STATUS)
    known, uid = status if isinstance(status, dict) else {}, str(pod["metadata"]["uid"])
    for each in (one for key in _LISTS for one in known.get(key) or ()):
        for state in (each.get("state") or {}, each.get("lastState") or {}):
            ended = state.get("terminated") or {}
            container_id = ended.get("containerID", "").rpartition("//")[2]
            if container_id:
                finished = _moment(ended.get("finishedAt"))
                reason, code = ended.get("reason", ""), ended.get("exitCode", 0)
                yield Termination(uid, container_id, reason, code, finished)


def _moment(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


@dataclass(slots=True)
class _Case:
    """What is known of one container; `since` as of when the kubelet says this."""

    touched: float
    kill: RecordedKill | None = None
    ending: Termination | None = None
    since: float = 0.0
    said: bool = False

    @property
    def due(self) -> float | None:
        """When to say that the kubelet is wrong; None: it is not, as far as is known."""
        if self.said or self.kill is None or self.ending is None:
            return None
        return self.since + STANDS_SECONDS if self.kill.contradicts(self.ending) else None


@dataclass(slots=True)
class Cases:
    """Compares kills with endings, whichever comes first; says it once of a container.

    Holds AT_MOST containers, and drops those that were heard of longest ago. All times in seconds
    of one clock that only goes forward.
    """

    _cases: dict[str, _Case] = field(default_factory=dict)
    _said: dict[tuple[str, str], float] = field(default_factory=dict)

    def told(self, kill: RecordedKill, now: float) -> None:
        """Take a kill; of one container the last counts, but none undoes a group kill."""
        case = self._case(kill.container_id, now)
        before = case.kill
        if before is None or before.incident.booking.group_kills == 0:
            case.kill = kill

    def ended(self, pod_uid: str, said: Iterable[Termination], now: float) -> None:
        """Take all that the kubelet says of a pod's containers; it may change, and be dropped."""
        known = {one.container_id: one for one in said}
        for key, case in self._cases.items():
            if case.ending is not None and case.ending.pod_uid == pod_uid and key not in known:
                case.ending = None
        for ending in known.values():
            self._ended(ending, now)

    def _ended(self, ending: Termination, now: float) -> None:
        held = self._cases.get(ending.container_id)
        before = held.ending if held is not None else None
        if before == ending or (held is None and ending.reason == _RIGHT):
            return
        case = self._case(ending.container_id, now)
        if before is None or _word(before) != _word(ending):
            case.since = now
        case.ending = ending

    def due(self, now: float) -> list[tuple[RecordedKill, Termination]]:
        """Give what has to be said now, once; forgets what is over."""
        for key in [k for k, case in self._cases.items() if now - case.touched > KEEP_SECONDS]:
            del self._cases[key]
        said: list[tuple[RecordedKill, Termination]] = []
        for case in self._cases.values():
            due = case.due
            if due is not None and due <= now and case.kill and case.ending:
                case.said = True
                if self._is_new(case.kill, now):
                    said.append((case.kill, case.ending))
        return said

    def _is_new(self, kill: RecordedKill, now: float) -> bool:
        """Whether this was not said lately of the same container of the same pod."""
        self._said = {key: at for key, at in self._said.items() if now - at < REPEAT_SECONDS}
        facts = kill.incident.container
        key = (kill.incident.pod.uid, facts.name if facts else "")
        return key not in self._said and self._said.setdefault(key, now) == now

    def next_due(self) -> float | None:
        """Tell when something will have to be said if nothing changes."""
        return min((due for case in self._cases.values() if (due := case.due)), default=None)

    def _case(self, container_id: str, now: float) -> _Case:
        case = self._cases.pop(container_id, None) or _Case(now)
        case.touched = now
        self._cases[container_id] = case
        while len(self._cases) > AT_MOST:
            del self._cases[next(iter(self._cases))]
        return case


def _word(ending: Termination) -> tuple[str, int]:
    return ending.reason, ending.exit_code


def misreport(kill: RecordedKill, ending: Termination, now: float) -> Manifest:
    """Render the Event on the Pod. `now` in wall-clock seconds."""
    incident = kill.incident
    pod = incident.pod
    digest = hashlib.sha256(f"misreport/{kill.container_id}".encode()).hexdigest()[:8]
    says = f"the kubelet says {ending.reason or 'nothing'} (exit code {ending.exit_code})"
    note = f"{where(incident)}: {says}, the kernel says out of memory: {killing(incident)}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{pod.name[: _NAME_MAX - 9].rstrip('-.')}-{digest}",
            "namespace": pod.namespace,
        },
        "eventTime": timestamp(now),
        "type": "Warning",
        "reason": "OOMKilledMisreported",
        "action": "Killed",
        "reportingController": "oomwarden.io/agent",
        "reportingInstance": reporting_instance(kill.witness.node),
        "regarding": regarding(pod, incident.container),
        "note": truncate(note, NOTE_BYTES),
    }
