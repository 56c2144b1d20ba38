"""What the operator keeps of an OOMNode: what statuses and limits need, within bounds.

One OOMNode at the bound of its agent (384 KiB of reports) has 2 MiB as models, and a stolen token
may write 1.5 MiB. There are thousands of nodes, so equal texts and equal numbers are shared.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from pydantic import ValidationError

from oomwarden.api.oomnode import PolicyReport, Refusal, Resize
from oomwarden.core.limits.resize_requests import MOST_OF_A_NODE

MOST_REPORTS = 2000
"""Of one node; its agent tells of fewer (core/reporting/report_size.py)."""
MOST_TOLD = 3
"""Refusals of one report, and warnings: a policy's status has so many of all nodes together."""
MOST_TOLD_OF_A_NODE = 300
MOST_COUNTED = 1_000_000
"""Pods or containers of one node: the sum of all nodes must fit into 64 bits, or the API server
takes no status of that policy any more."""
MOST_NAME = 253
MOST_TEXT = 512
_KINDS = {"OOMPolicy", "ClusterOOMPolicy"}

Manifest = Mapping[str, Any]


class PolicyKey(NamedTuple):
    """A policy's kind and name; `namespace` is None for a ClusterOOMPolicy."""

    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        return "/".join(filter(None, self))


class ReportedRefusal(NamedTuple):
    """As api.oomnode.Refusal."""

    pod: str
    container: str
    reason: str
    message: str


class ReportedPolicy(NamedTuple):
    """As api.oomnode.PolicyReport, but for the policy's name."""

    observed_generation: int
    pods: int
    matched: int
    enforced: int
    observed: int
    refused: int
    warned: int
    refusals: tuple[ReportedRefusal, ...] = ()
    warnings: tuple[ReportedRefusal, ...] = ()


class ReportedNode(NamedTuple):
    """One node's word. `heartbeat` is RFC 3339; `left_out` counts what was not understood or fit.

    `heartbeat` empty: its agent has not written.
    """

    name: str
    heartbeat: str = ""
    reports: Mapping[PolicyKey, ReportedPolicy] = {}
    asks: tuple[Resize, ...] = ()
    left_out: int = 0


def reported_node(manifest: Manifest) -> ReportedNode:
    """Keep of an OOMNode what is needed; whatever it holds, this raises nothing."""
    name = str(manifest["metadata"]["name"])
    status = manifest.get("status")
    if not isinstance(status, dict) or not status:
        return ReportedNode(name)
    agent = status.get("agent")
    heartbeat = str(agent.get("heartbeat", ""))[:64] if isinstance(agent, dict) else ""
    told, resizes = _list(status, "policies"), _list(status, "resizes")
    reports = dict(_reports(told[:MOST_REPORTS]))
    asks = tuple(_asks(resizes[:MOST_OF_A_NODE]))
    left = len(told) - len(reports) + len(resizes) - len(asks)
    return ReportedNode(name, heartbeat, reports, asks, left)


def _list(status: Manifest, key: str) -> Sequence[object]:
    found = status.get(key)
    return found if isinstance(found, list) else []


def _reports(told: Iterable[object]) -> Iterator[tuple[PolicyKey, ReportedPolicy]]:
    room = MOST_TOLD_OF_A_NODE
    for each in told:
        try:
            report = PolicyReport.model_validate(each)
        except ValidationError:
            continue
        key = _key(report)
        if key is None:
            continue
        kept = _kept(report, min(room, MOST_TOLD))
        of_containers = sum(bool(each.container) for each in kept.refusals)
        room -= of_containers + len(kept.warnings)
        yield key, kept


def _key(report: PolicyReport) -> PolicyKey | None:
    """Name the policy; None: there can be none of this kind or name."""
    place = report.namespace
    if report.kind not in _KINDS or max(len(report.name), len(place or "")) > MOST_NAME:
        return None
    return PolicyKey(intern(report.kind), intern(place) if place else None, intern(report.name))


def _kept(report: PolicyReport, room: int) -> ReportedPolicy:
    numbers = (
        report.observed_generation,
        _bounded(report.pods),
        _bounded(report.matched),
        _bounded(report.enforced),
        _bounded(report.observed),
        _bounded(report.refused),
        _bounded(report.warned),
    )
    whole = [each for each in report.refusals if not each.container][:1]  # always told
    others = [each for each in report.refusals if each.container]
    most = max(min(room, MOST_TOLD - len(whole)), 0)
    refusals = tuple(map(_told, [*whole, *others[:most]]))
    warnings = tuple(map(_told, report.warnings[: max(min(room, MOST_TOLD), 0)]))
    if refusals or warnings:
        return ReportedPolicy(*numbers, refusals, warnings)
    return _shared(numbers)


def _bounded(count: int) -> int:
    return min(max(count, 0), MOST_COUNTED)


@lru_cache(4096)
def _shared(numbers: tuple[int, int, int, int, int, int, int]) -> ReportedPolicy:
    return ReportedPolicy(*numbers)


def _told(refusal: Refusal) -> ReportedRefusal:
    pod, container = refusal.pod[: 2 * MOST_NAME], refusal.container[:MOST_NAME]
    reason, message = refusal.reason[:MOST_NAME], refusal.message[:MOST_TEXT]
    return ReportedRefusal(pod, intern(container), intern(reason), intern(message))


def _asks(told: Iterable[object]) -> Iterator[Resize]:
    for each in told:
        try:
            yield Resize.model_validate(each)
        except ValidationError:
            continue
