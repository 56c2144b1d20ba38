"""How far the pod of a kill test has come, as the API server knows it."""

import re
from datetime import datetime

from msgspec import Struct

from oomwarden.core.history.kill_record import number_at, text_at, time_at
from oomwarden.core.kill_test.sacrifice import CONTAINER
from oomwarden.core.metrics.families.nodes import RECORDED_KILLS
from oomwarden.core.objects.json_parts import Json, object_at, objects_at

OOM_KILLED = "OOMKilled"
_BY_SIGKILL = 137
_KILLS = re.compile(rf"^{RECORDED_KILLS.name} ([0-9.e+]+)$", re.MULTILINE)
_MAX_MESSAGE = 300
_PATIENT = {"ContainerCreating", "PodInitializing"}
"""Reasons to wait that are no obstacle."""


class PodProgress(Struct, frozen=True):
    """What the status of the pod says.

    Attributes:
        node: Where it is; None before it is scheduled.
        is_ended: Whether the container has ended.
        reason: Why it has ended, as the kubelet says.
        finished: When it ended: whole seconds of the node's clock.
        obstacle: What keeps it from running; None if nothing does.
    """

    node: str | None
    is_ended: bool
    reason: str | None
    exit_code: int | None
    finished: datetime | None
    obstacle: str | None

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL; runtimes often do not notice that this was an OOM kill."""
        return self.is_ended and (self.reason == OOM_KILLED or self.exit_code == _BY_SIGKILL)

    @property
    def describe_end(self) -> str:
        """How the container ended, in the kubelet's words."""
        return f"the kubelet says {self.reason or 'nothing'} (exit code {self.exit_code})"


def pod_progress(pod: Json) -> PodProgress:
    """Return how far a pod has come."""
    status = object_at(pod, "status")
    state = _state(status)
    ended = object_at(state, "terminated")
    return PodProgress(
        node=text_at(object_at(pod, "spec"), "nodeName"),
        is_ended=bool(ended),
        reason=text_at(ended, "reason"),
        exit_code=number_at(ended, "exitCode"),
        finished=time_at(ended, "finishedAt"),
        obstacle=_obstacle(status, object_at(state, "waiting")),
    )


def _state(status: Json) -> Json:
    found = objects_at(status, "containerStatuses")
    mine = (each for each in found if each.get("name") == CONTAINER)
    return object_at(next(mine, {}), "state")


def _obstacle(status: Json, waiting: Json) -> str | None:
    """Return why it is not scheduled, does not start, or was ended from outside."""
    for each in objects_at(status, "conditions"):
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return _said(each)
    if waiting and text_at(waiting, "reason") not in _PATIENT:
        return _said(waiting)
    if text_at(status, "phase") == "Failed" and text_at(status, "reason"):
        return _said(status)  # evicted, or refused by the kubelet
    return None


def _said(found: Json) -> str:
    reason, message = text_at(found, "reason") or "Unknown", text_at(found, "message")
    return f"{reason}: {message[:_MAX_MESSAGE]}" if message else reason


def last_step(log: str) -> float | None:
    """Return when the program printed its last line, in seconds; None if the log has none."""
    for line in reversed(log.split()):
        try:
            return float(line)
        except ValueError:
            continue
    return None


def kills_metric(metrics: str) -> int | None:
    """Return an agent's count of kills from its /metrics; None if it is not there."""
    found = _KILLS.search(metrics)
    try:
        return int(float(found[1])) if found else None
    except (ValueError, OverflowError):
        return None
