"""A policy's status, summed up from the reports of the nodes' agents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from oomwarden.api.base import Condition
from oomwarden.api.free_text import readable
from oomwarden.api.oomnode import PolicyReport, Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.core.limits.limit_remarks import RESIZE_ASKED
from oomwarden.core.limits.node_report import ReportedPolicy, ReportedRefusal
from oomwarden.core.model.conditions import carry_over
from oomwarden.core.policy.cautions import ANY_TENANT

SILENT_AFTER = timedelta(minutes=11)
"""Two heartbeats of 5 minutes and a delay."""

_NAMED = 5  # nodes in a message
_SHOWN = 3  # refusals in a message
_LENGTH = 512  # characters of a refusal in a message
_REASON, _MESSAGE = 1024, 32768
"""Characters of a condition (apimachinery meta/v1, Condition); reports may have any text."""
_NO_REPORTS = (
    "No agent reports pods of this policy. Reports take about 10 seconds after a change, and a "
    "minute after a change of a node's labels. After that, check that podSelector, "
    "priorityClassNames and qosClasses (for a ClusterOOMPolicy also namespaceSelector and "
    "nodeSelector) match pods, and that their nodes have an agent: kubectl get oomnodes"
)


AnyRefusal = Refusal | ReportedRefusal


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node's report of the policy.

    Attributes:
        node: The node's name.
        heartbeat: In RFC 3339, as its agent wrote it.
        report: The report.
    """

    node: str
    heartbeat: str
    report: PolicyReport | ReportedPolicy


@dataclass(frozen=True, slots=True)
class OperatorFindings:
    """What the operator itself adds to the reports of the nodes.

    Attributes:
        refusals: Refused requests, which the nodes report as pending.
        caution: A warning that follows from the policy's spec.
    """

    refusals: Sequence[Refusal] = ()
    caution: str = ""


def is_silent(heartbeat: str, now: datetime) -> bool:
    """Return whether an agent with this last heartbeat has stopped reporting."""
    try:
        seen = datetime.fromisoformat(heartbeat)
    except ValueError:
        return True
    return now - _aware(seen) > SILENT_AFTER


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def summarise(
    generation: int,
    reports: Sequence[NodeReport],
    before: PolicyStatus,
    now: datetime,
    findings: OperatorFindings = OperatorFindings(),
) -> PolicyStatus:
    """Sum up the reports of one policy.

    A silent node counts with its last report, because its processes keep the scores they have.

    Args:
        generation: The policy's metadata.generation.
        reports: From all nodes whose agents report the policy.
        before: The status now, whose conditions keep their times.
        now: The current time, with a time zone.
        findings: What the operator itself found out about the policy.
    """
    reports = sorted(reports, key=lambda each: each.node)
    reported = [each.report for each in reports]
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fresh = tuple(
        Condition(
            type=kind,
            status=verdict.status,
            reason=readable(verdict.reason, _REASON) or "Unknown",
            message=readable(verdict.message, _MESSAGE),
            last_transition_time=stamp,
            observed_generation=generation,
        )
        for kind, verdict in (
            ("Ready", _ready(generation, reports, now)),
            ("Refused", _refused(reported, findings.refusals)),
            ("Warning", _warned(reported, findings.caution)),
        )
    )
    return PolicyStatus(
        observed_generation=generation,
        pods=sum(report.pods for report in reported),
        matched=sum(report.matched for report in reported),
        enforced=sum(report.enforced for report in reported),
        observed=sum(report.observed for report in reported),
        refused=sum(report.refused for report in reported),
        nodes=sum(report.matched > 0 for report in reported),
        conditions=carry_over(fresh, before.conditions),
    )


class _Verdict(NamedTuple):
    status: str
    reason: str
    message: str


def _ready(generation: int, reports: Sequence[NodeReport], now: datetime) -> _Verdict:
    seen = [(each, not is_silent(each.heartbeat, now)) for each in reports]
    live = [each for each, is_heard in seen if is_heard]
    silent = [each.node for each, is_heard in seen if not is_heard]
    late = [each.node for each in live if each.report.observed_generation != generation]
    if not reports:
        return _Verdict("Unknown", "NoReports", _NO_REPORTS)
    if not live:
        return _Verdict(
            "Unknown", "NodesSilent", "No node's agent is reporting." + _silence(silent)
        )
    if late:
        what = f"{len(late)} of {_count(len(live), 'node')} not yet at generation {generation}"
        return _Verdict("False", "Pending", f"{what}: {_names(late)}." + _silence(silent))
    message = f"{_count(len(live), 'node')} at generation {generation}."
    return _Verdict("True", "Reported", message + _silence(silent))


def _silence(silent: list[str]) -> str:
    if not silent:
        return ""
    return (
        f" No report for more than 11 minutes: {_names(silent)}; counted with the last report. "
        "Check that their agents run and can reach the API server."
    )


def _refused(
    reported: Sequence[PolicyReport | ReportedPolicy], answers: Sequence[AnyRefusal]
) -> _Verdict:
    count = sum(report.refused for report in reported)
    refusals = list(_answered([each for report in reported for each in report.refusals], answers))
    unreadable = next((each for each in refusals if not each.container), None)
    if unreadable:  # it concerns the whole policy, not a container
        return _Verdict("True", unreadable.reason, unreadable.message[:_LENGTH])
    if not count:
        return _Verdict("False", "NothingRefused", "No container is refused.")
    return _Verdict("True", "ContainersRefused", _first_of(count, refusals))


def _first_of(count: int, found: Sequence[AnyRefusal]) -> str:
    """Describe the first ones, and count the containers that are not described."""
    if not found:
        what = "there was no room for details, because these nodes have many policies"
        return f"{_count(count, 'container')}; {what}."
    lines = [f"{each.pod} {each.container}: {each.message}"[:_LENGTH] for each in found[:_SHOWN]]
    left = count - len({(each.pod, each.container) for each in found[:_SHOWN]})
    more = [f"and {_count(left, 'container')} more"] if left > 0 else []
    return f"{_count(count, 'container')}: {'; '.join([*lines, *more])}"


def _answered(
    refusals: Sequence[AnyRefusal], answers: Sequence[AnyRefusal]
) -> Iterator[AnyRefusal]:
    """Replace pending requests by the operator's answers, after those that no node reports."""
    known = {(each.pod, each.container): each for each in answers}
    reported = {(each.pod, each.container) for each in refusals}
    yield from (answer for key, answer in known.items() if key not in reported)
    for each in refusals:
        answer = known.get((each.pod, each.container)) if each.reason == RESIZE_ASKED else None
        yield answer or each


def _warned(reported: Sequence[PolicyReport | ReportedPolicy], caution: str) -> _Verdict:
    warnings = [warning for report in reported for warning in report.warnings]
    count = sum(report.warned for report in reported)
    if not count:
        if caution:
            return _Verdict("True", ANY_TENANT, caution)
        return _Verdict("False", "NothingToWarnOf", "")
    reason = warnings[0].reason if warnings else "Warned"
    return _Verdict("True", reason, " ".join(filter(None, [_first_of(count, warnings), caution])))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _names(nodes: list[str]) -> str:
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return ", ".join(nodes[:_NAMED]) + more
