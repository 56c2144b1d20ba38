"""What the operator keeps of an OOMNode: what statuses and limits need, within bounds.

One OOMNode at the bound of its agent (384 KiB of reports) takes 2 MiB as models, and a stolen token
can write 1.5 MiB. There are thousands of nodes, so numbers that are equal are shared, and texts are
packed.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import NamedTuple

import msgspec

from oomwarden.api.codec.codec import decode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.oomnode import PolicyReport, Refusal, Resize
from oomwarden.core.fleet.policy_totals import PolicyCounts
from oomwarden.core.fleet.raw_reports import read_list
from oomwarden.core.fleet.report_details import ReportDetails, ReportedRefusal, pack, unpack
from oomwarden.core.limits.clock_skew import status_written
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


class ReportedNode(NamedTuple):
    """What one node reports.

    Attributes:
        name: The node's name.
        heartbeat: In RFC 3339; empty if its agent has not written a status yet.
        age: Seconds since the status was written, by the API server's clock; None: not known.
        digest: Of the reports and requests: two OOMNodes with the same digest say the same.
        policies: The policies that it reports.
        counts: The numbers of each of them.
        details: Their texts, packed in the same order.
        resizes: The memory limits that its agent requests.
        skipped: How many parts were invalid or exceeded the bounds.
    """

    name: str
    heartbeat: str = ""
    age: float | None = None
    digest: int | None = None
    policies: tuple[PolicyKey, ...] = ()
    counts: tuple[PolicyCounts, ...] = ()
    details: bytes = b""
    resizes: tuple[Resize, ...] = ()
    skipped: int = 0

    def reports(self) -> Mapping[PolicyKey, tuple[PolicyCounts, ReportDetails]]:
        """Return the numbers and texts of each policy."""
        texts = unpack(self.details)
        both = ((counts, texts.get(at, ReportDetails())) for at, counts in enumerate(self.counts))
        return dict(zip(self.policies, both, strict=True))


def heartbeat_of(manifest: Json) -> str:
    """Return the last heartbeat of an OOMNode's agent; empty if there is none."""
    status = manifest.get("status")
    agent = status.get("agent") if isinstance(status, dict) else None
    return str(agent.get("heartbeat", ""))[:64] if isinstance(agent, dict) else ""


def report_digest(manifest: Json) -> int | None:
    """Return a digest of an OOMNode's reports and requests; None: it cannot be compared."""
    status = manifest.get("status")
    parts = [status.get(key) for key in ("policies", "resizes")] if isinstance(status, dict) else []
    raw = [bytes(each) for each in parts if isinstance(each, msgspec.Raw)]
    try:
        return hash(b"[%b]" % b",".join(raw) if raw else msgspec.json.encode(parts))
    except (OverflowError, RecursionError, TypeError, ValueError):
        return None


def reported_node(manifest: Json, server_time: datetime | None = None) -> ReportedNode:
    """Extract what is needed from an OOMNode, whatever it contains.

    Args:
        manifest: The OOMNode.
        server_time: The API server's time; None: the age of the status does not matter.
    """
    name, heartbeat = intern(str(manifest["metadata"]["name"])), heartbeat_of(manifest)
    written = status_written(manifest)
    age = (server_time - written).total_seconds() if server_time and written else None
    found = ReportedNode(name, heartbeat, age, report_digest(manifest))
    status = manifest.get("status")
    if not isinstance(status, dict) or not status:
        return found
    listed, resizes = read_list(status.get("policies")), read_list(status.get("resizes"))
    reports = dict(_reports(listed[:MAX_REPORTS]))
    requests = tuple(_resizes(resizes[:MAX_REQUESTS_PER_NODE]))
    return found._replace(
        policies=_shared_keys(tuple(reports)),
        counts=tuple(counts for counts, _ in reports.values()),
        details=pack(details for _, details in reports.values()),
        resizes=requests,
        skipped=len(listed) - len(reports) + len(resizes) - len(requests),
    )


def _reports(
    listed: Iterable[object],
) -> Iterator[tuple[PolicyKey, tuple[PolicyCounts, ReportDetails]]]:
    room = MAX_REFUSALS_PER_NODE
    for each in listed:
        try:
            report = decode(PolicyReport, each)
        except InvalidObjectError:
            continue
        place = report.namespace or ""
        if report.kind not in _KINDS or max(len(report.name), len(place)) > MAX_NAME:
            continue
        details = _bounded_details(report, min(room, MAX_REFUSALS_PER_REPORT))
        of_containers = sum(bool(each.container) for each in details.refusals)
        room -= of_containers + len(details.warnings)
        yield _shared_key(report.kind, place, report.name), (_counts(report, details), details)


def _counts(report: PolicyReport, details: ReportDetails) -> PolicyCounts:
    counts = PolicyCounts(
        report.observed_generation,
        _clamped(report.pods),
        _clamped(report.matched),
        _clamped(report.enforced),
        _clamped(report.observed),
        _clamped(report.refused),
        _clamped(report.warned),
        any(not each.container for each in details.refusals),
        bool(details.refusals),
        bool(details.warnings),
    )
    return _shared_counts(counts)


def _bounded_details(report: PolicyReport, room: int) -> ReportDetails:
    if not report.refusals and not report.warnings:
        return ReportDetails()
    whole = [each for each in report.refusals if not each.container][:1]  # always kept
    others = [each for each in report.refusals if each.container]
    most = max(min(room, MAX_REFUSALS_PER_REPORT - len(whole)), 0)
    warnings = report.warnings[: max(min(room, MAX_REFUSALS_PER_REPORT), 0)]
    return ReportDetails(
        tuple(map(_kept_refusal, [*whole, *others[:most]])), tuple(map(_kept_refusal, warnings))
    )


def _clamped(count: int) -> int:
    return min(max(count, 0), MAX_COUNTED)


@lru_cache(4096)
def _shared_counts(counts: PolicyCounts) -> PolicyCounts:
    return counts


@lru_cache(4096)
def _shared_key(kind: str, namespace: str, name: str) -> PolicyKey:
    return PolicyKey(intern(kind), intern(namespace), intern(name))


@lru_cache(64)
def _shared_keys(keys: tuple[PolicyKey, ...]) -> tuple[PolicyKey, ...]:
    """Return an equal tuple: many nodes report the same policies."""
    return keys


def _kept_refusal(refusal: Refusal) -> ReportedRefusal:
    return ReportedRefusal(
        _text(refusal.pod, 2 * MAX_NAME),
        _text(refusal.container, MAX_NAME),
        _text(refusal.reason, MAX_NAME),
        _text(refusal.message, MAX_TEXT),
    )


def _text(text: str, size: int) -> str:
    """Truncate a text; lone surrogates, which cannot be packed, become question marks."""
    kept = text[:size]
    return kept if kept.isascii() else kept.encode(errors="replace").decode()


def _resizes(listed: Iterable[object]) -> Iterator[Resize]:
    for each in listed:
        try:
            yield decode(Resize, each)
        except InvalidObjectError:
            continue
