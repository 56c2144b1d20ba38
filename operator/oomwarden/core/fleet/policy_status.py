"""A policy's status, summed up from the reports of the nodes' agents."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from typing import NamedTuple

from msgspec import Struct

from oomwarden.api.base import Condition
from oomwarden.api.free_text import readable
from oomwarden.api.oomnode import Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.core.fleet.policy_totals import PolicyTotals
from oomwarden.core.fleet.report_details import ReportDetails, ReportedRefusal
from oomwarden.core.limits.limit_remarks import RESIZE_ASKED
from oomwarden.core.model.conditions import carry_over
from oomwarden.core.policy.cautions import ANY_TENANT

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


class PolicyOnNodes(Struct, frozen=True):
    """One policy on all nodes whose agents report it.

    Attributes:
        totals: The numbers.
        silent: The nodes of the cluster whose agents do not report (any more).
        details: Returns the texts of a node's report.
    """

    totals: PolicyTotals
    silent: frozenset[str]
    details: Callable[[str], ReportDetails]


class OperatorFindings(Struct, frozen=True):
    """What the operator itself adds to the reports of the nodes.

    Attributes:
        refusals: Refused requests, which the nodes report as pending.
        caution: A warning that follows from the policy's spec.
    """

    refusals: Sequence[Refusal] = ()
    caution: str = ""


NO_FINDINGS = OperatorFindings()


def summarise(
    generation: int,
    found: PolicyOnNodes,
    before: PolicyStatus,
    now: datetime,
    findings: OperatorFindings = NO_FINDINGS,
) -> PolicyStatus:
    """Sum up the reports of one policy.

    A silent node counts with its last report, because its processes keep the scores they have.

    Args:
        generation: The policy's metadata.generation.
        found: What the nodes report.
        before: The status now, whose conditions keep their times.
        now: The current time, with a time zone.
        findings: What the operator itself found out about the policy.
    """
    totals = found.totals
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
            ("Ready", _ready(generation, found)),
            ("Refused", _refused(found, findings.refusals)),
            ("Warning", _warned(found, findings.caution)),
        )
    )
    return PolicyStatus(
        observed_generation=generation,
        pods=totals.pods,
        matched=totals.matched,
        enforced=totals.enforced,
        observed=totals.observed,
        refused=totals.refused,
        nodes=totals.nodes,
        conditions=carry_over(fresh, before.conditions),
    )


class _Verdict(NamedTuple):
    status: str
    reason: str
    message: str


def _ready(generation: int, found: PolicyOnNodes) -> _Verdict:
    reported = found.totals.by_node
    silent = sorted(node for node in found.silent if node in reported)
    late = [node for node in found.totals.late(generation) if node not in found.silent]
    live = len(reported) - len(silent)
    if not reported:
        return _Verdict("Unknown", "NoReports", _NO_REPORTS)
    if not live:
        return _Verdict(
            "Unknown", "NodesSilent", "No node's agent is reporting." + _silence(silent)
        )
    if late:
        what = f"{len(late)} of {_count(live, 'node')} not yet at generation {generation}"
        return _Verdict("False", "Pending", f"{what}: {_names(late)}." + _silence(silent))
    message = f"{_count(live, 'node')} at generation {generation}."
    return _Verdict("True", "Reported", message + _silence(silent))


def _silence(silent: list[str]) -> str:
    if not silent:
        return ""
    return (
        f" No report for more than 11 minutes: {_names(silent)}; counted with the last report. "
        "Check that their agents run and can reach the API server."
    )


def _refused(found: PolicyOnNodes, answers: Sequence[AnyRefusal]) -> _Verdict:
    totals = found.totals
    for node in totals.first_refusing_whole():  # it concerns the whole policy, not a container
        for each in found.details(node).refusals:
            if not each.container:
                return _Verdict("True", each.reason, each.message[:_LENGTH])
    if not totals.refused:
        return _Verdict("False", "NothingRefused", "No container is refused.")
    nodes = totals.first_refusing(_SHOWN)
    refusals = [each for node in nodes for each in found.details(node).refusals]
    shown = list(_answered(refusals, answers))
    return _Verdict("True", "ContainersRefused", _first_of(totals.refused, shown))


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
    """Replace pending requests by the operator's answers, after those to other nodes' requests."""
    known = {(each.pod, each.container): each for each in answers}
    reported = {(each.pod, each.container) for each in refusals}
    yield from (answer for key, answer in known.items() if key not in reported)
    for each in refusals:
        answer = known.get((each.pod, each.container)) if each.reason == RESIZE_ASKED else None
        yield answer or each


def _warned(found: PolicyOnNodes, caution: str) -> _Verdict:
    totals = found.totals
    if not totals.warned:
        if caution:
            return _Verdict("True", ANY_TENANT, caution)
        return _Verdict("False", "NothingToWarnOf", "")
    nodes = totals.first_warning(_SHOWN)
    warnings = [each for node in nodes for each in found.details(node).warnings]
    reason = warnings[0].reason if warnings else "Warned"
    message = _first_of(totals.warned, warnings)
    return _Verdict("True", reason, " ".join(filter(None, [message, caution])))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _names(nodes: list[str]) -> str:
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return ", ".join(nsmallest(_NAMED, nodes)) + more
