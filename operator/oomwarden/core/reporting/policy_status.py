"""A policy's status: the sum of what the nodes' agents report of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from oomwarden.api.base import Condition
from oomwarden.api.free_text import readable
from oomwarden.api.oomnode import PolicyReport, Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.core.limits.desired_limit import ASKED
from oomwarden.core.limits.node_report import ReportedPolicy, ReportedRefusal
from oomwarden.core.model.conditions import carry_over
from oomwarden.core.policy.cautions import ANY_TENANT

SILENT_AFTER = timedelta(minutes=11)
"""Two heartbeats of 5 minutes and a delay."""

_NAMED = 5  # nodes in a message
_TOLD = 3  # refusals in a message
_LENGTH = 512  # characters of a refusal in a message
_REASON, _MESSAGE = 1024, 32768
"""Characters of a condition (apimachinery meta/v1, Condition); agents report any text."""
_NO_REPORTS = (
    "No agent reports pods of this policy. That takes some 10 seconds after a change, and a minute "
    "after one of a node's labels. After that, see whether podSelector, priorityClassNames and "
    "qosClasses (of a ClusterOOMPolicy also namespaceSelector and nodeSelector) match pods, and "
    "whether their nodes have an agent: kubectl get oomnodes"
)


Told = Refusal | ReportedRefusal


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node's report of the policy. `heartbeat` is RFC 3339, as the agent wrote it."""

    node: str
    heartbeat: str
    report: PolicyReport | ReportedPolicy


@dataclass(frozen=True, slots=True)
class Answers:
    """What the operator says of a policy beside the nodes.

    `refusals`: what it was refused, of what the nodes report as asked for. `caution`: what the
    policy's own words allow to others.
    """

    refusals: Sequence[Refusal] = ()
    caution: str = ""


def is_silent(heartbeat: str, now: datetime) -> bool:
    """Whether an agent with this last heartbeat is not heard any more."""
    try:
        heard = datetime.fromisoformat(heartbeat)
    except ValueError:
        return True
    return now - _aware(heard) > SILENT_AFTER


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def summarise(
    generation: int,
    reports: Sequence[NodeReport],
    before: PolicyStatus,
    now: datetime,
    answers: Answers | Sequence[Refusal] = (),
) -> PolicyStatus:
    """Sum up the reports of one policy.

    A silent node counts with what it said last: its processes keep the scores they have.

    Args:
        generation: The policy's metadata.generation.
        reports: Of all nodes whose agents name the policy.
        before: The status as it is, for the times of the conditions' last changes.
        now: The present, with a time zone.
        answers: What the operator itself has to say of the policy.
    """
    answers = answers if isinstance(answers, Answers) else Answers(answers)
    reports = sorted(reports, key=lambda each: each.node)
    told = [each.report for each in reports]
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
            ("Refused", _refused(told, answers.refusals)),
            ("Warning", _warned(told, answers.caution)),
        )
    )
    return PolicyStatus(
        observed_generation=generation,
        pods=sum(report.pods for report in told),
        matched=sum(report.matched for report in told),
        enforced=sum(report.enforced for report in told),
        observed=sum(report.observed for report in told),
        refused=sum(report.refused for report in told),
        nodes=sum(report.matched > 0 for report in told),
        conditions=carry_over(fresh, before.conditions),
    )


class _Verdict(NamedTuple):
    status: str
    reason: str
    message: str


def _ready(generation: int, reports: Sequence[NodeReport], now: datetime) -> _Verdict:
    heard = [(each, not is_silent(each.heartbeat, now)) for each in reports]
    live = [each for each, is_heard in heard if is_heard]
    silent = [each.node for each, is_heard in heard if not is_heard]
    late = [each.node for each in live if each.report.observed_generation != generation]
    if not reports:
        return _Verdict("Unknown", "NoReports", _NO_REPORTS)
    if not live:
        return _Verdict("Unknown", "NodesSilent", "No node's agent is heard." + _silence(silent))
    if late:
        what = f"{len(late)} of {_count(len(live), 'node')} not yet at generation {generation}"
        return _Verdict("False", "Pending", f"{what}: {_names(late)}." + _silence(silent))
    message = f"{_count(len(live), 'node')} at generation {generation}."
    return _Verdict("True", "Reported", message + _silence(silent))


def _silence(silent: list[str]) -> str:
    if not silent:
        return ""
    return (
        f" Not heard for more than 11 minutes: {_names(silent)}; counted with the last report. "
        "See why their agents do not run or cannot reach the API server."
    )


def _refused(told: Sequence[PolicyReport | ReportedPolicy], answers: Sequence[Told]) -> _Verdict:
    count = sum(report.refused for report in told)
    refusals = list(_answered([each for report in told for each in report.refusals], answers))
    unreadable = next((each for each in refusals if not each.container), None)
    if unreadable:  # of the whole policy, not of a container
        return _Verdict("True", unreadable.reason, unreadable.message[:_LENGTH])
    if not count:
        return _Verdict("False", "NothingRefused", "No container is refused.")
    return _Verdict("True", "ContainersRefused", _first_of(count, refusals))


def _first_of(count: int, found: Sequence[Told]) -> str:
    """Tell of the first ones, and how many containers are not told of."""
    if not found:
        what = "there was no room for details, because of many policies on these nodes"
        return f"{_count(count, 'container')}; {what}."
    lines = [f"{each.pod} {each.container}: {each.message}"[:_LENGTH] for each in found[:_TOLD]]
    left = count - len({(each.pod, each.container) for each in found[:_TOLD]})
    more = [f"and {_count(left, 'container')} more"] if left > 0 else []
    return f"{_count(count, 'container')}: {'; '.join([*lines, *more])}"


def _answered(refusals: Sequence[Told], answers: Sequence[Told]) -> Iterator[Told]:
    """Put what became of an ask in the place of the ask; what no node had room to tell is first."""
    known = {(each.pod, each.container): each for each in answers}
    told = {(each.pod, each.container) for each in refusals}
    yield from (answer for key, answer in known.items() if key not in told)
    for each in refusals:
        answer = known.get((each.pod, each.container)) if each.reason == ASKED else None
        yield answer or each


def _warned(told: Sequence[PolicyReport | ReportedPolicy], caution: str) -> _Verdict:
    warnings = [warning for report in told for warning in report.warnings]
    count = sum(report.warned for report in told)
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
