"""What the operator keeps of an OOMNode: what statuses and limits need, within bounds.

One OOMNode at the bound of its agent (384 KiB of reports) takes 2 MiB as models, and a stolen token
can write 1.5 MiB. There are thousands of nodes, so equal texts and equal numbers are shared.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.oomnode import PolicyReport, Refusal, Resize
from oomwarden.core.limits.resize_requests import MAX_REQUESTS_PER_NODE
from oomwarden.core.objects.json_parts import Json
from oomwarden.core.policy.policy import PolicyKey

MAX_REPORTS = 2000
"""Per node. An agent reports fewer (core/reporting/report_size.py)."""
MAX_REFUSALS_PER_REPORT = 3
"""Also the bound on warnings. A policy's status shows this many for all nodes together."""
MAX_REFUSALS_PER_NODE = 300
MAX_COUNTED = 1_000_000
"""Pods or containers of one node. The sum of all nodes must fit into 64 bits, or the API server
refuses the policy's status from then on."""
MAX_NAME = 253
MAX_TEXT = 512
_KINDS = {"OOMPolicy", "ClusterOOMPolicy"}


class ReportedRefusal(NamedTuple):
    """The same fields as api.oomnode.Refusal."""

    pod: str
    container: str
    reason: str
    message: str


class ReportedPolicy(NamedTuple):
    """The same fields as api.oomnode.PolicyReport, except for the policy's name."""

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
    """What one node reports.

    Attributes:
        name: The node's name.
        heartbeat: In RFC 3339; empty if its agent has not written a status yet.
        reports: What it reports of each policy.
        resizes: The memory limits that its agent requests.
        skipped: How many parts were invalid or exceeded the bounds.
    """

    name: str
    heartbeat: str = ""
    reports: Mapping[PolicyKey, ReportedPolicy] = {}
    resizes: tuple[Resize, ...] = ()
    skipped: int = 0


def reported_node(manifest: Json) -> ReportedNode:
    """Extract what is needed from an OOMNode, whatever it contains."""
    name = str(manifest["metadata"]["name"])
    status = manifest.get("status")
    if not isinstance(status, dict) or not status:
        return ReportedNode(name)
    agent = status.get("agent")
    heartbeat = str(agent.get("heartbeat", ""))[:64] if isinstance(agent, dict) else ""
    listed, resizes = _list(status, "policies"), _list(status, "resizes")
    reports = dict(_reports(listed[:MAX_REPORTS]))
    requests = tuple(_resizes(resizes[:MAX_REQUESTS_PER_NODE]))
    left = len(listed) - len(reports) + len(resizes) - len(requests)
    return ReportedNode(name, heartbeat, reports, requests, left)


def _list(status: Json, key: str) -> Sequence[object]:
    found = status.get(key)
    return found if isinstance(found, list) else []


def _reports(listed: Iterable[object]) -> Iterator[tuple[PolicyKey, ReportedPolicy]]:
    room = MAX_REFUSALS_PER_NODE
    for each in listed:
        try:
            report = decode(PolicyReport, each)
        except InvalidObjectError:
            continue
        key = _key(report)
        if key is None:
            continue
        kept = _bounded_report(report, min(room, MAX_REFUSALS_PER_REPORT))
        of_containers = sum(bool(each.container) for each in kept.refusals)
        room -= of_containers + len(kept.warnings)
        yield key, kept


def _key(report: PolicyReport) -> PolicyKey | None:
    """Return the policy of a report; None if its kind or name is not possible."""
    place = report.namespace
    if report.kind not in _KINDS or max(len(report.name), len(place or "")) > MAX_NAME:
        return None
    return PolicyKey(intern(report.kind), intern(place or ""), intern(report.name))


def _bounded_report(report: PolicyReport, room: int) -> ReportedPolicy:
    numbers = (
        report.observed_generation,
        _clamped(report.pods),
        _clamped(report.matched),
        _clamped(report.enforced),
        _clamped(report.observed),
        _clamped(report.refused),
        _clamped(report.warned),
    )
    whole = [each for each in report.refusals if not each.container][:1]  # always kept
    others = [each for each in report.refusals if each.container]
    most = max(min(room, MAX_REFUSALS_PER_REPORT - len(whole)), 0)
    refusals = tuple(map(_kept_refusal, [*whole, *others[:most]]))
    warnings = tuple(
        map(_kept_refusal, report.warnings[: max(min(room, MAX_REFUSALS_PER_REPORT), 0)])
    )
    if refusals or warnings:
        return ReportedPolicy(*numbers, refusals, warnings)
    return _shared(numbers)


def _clamped(count: int) -> int:
    return min(max(count, 0), MAX_COUNTED)


@lru_cache(4096)
def _shared(numbers: tuple[int, int, int, int, int, int, int]) -> ReportedPolicy:
    return ReportedPolicy(*numbers)


def _kept_refusal(refusal: Refusal) -> ReportedRefusal:
    pod, container = refusal.pod[: 2 * MAX_NAME], refusal.container[:MAX_NAME]
    reason, message = refusal.reason[:MAX_NAME], refusal.message[:MAX_TEXT]
    return ReportedRefusal(pod, intern(container), intern(reason), intern(message))


def _resizes(listed: Iterable[object]) -> Iterator[Resize]:
    for each in listed:
        try:
            yield decode(Resize, each)
        except InvalidObjectError:
            continue
