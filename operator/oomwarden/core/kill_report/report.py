"""The whole report, from the records of a scope."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from oomwarden.core.history.kill_record import KillRecord
from oomwarden.core.kill_report.causes import CauseKills, summed_causes
from oomwarden.core.kill_report.caveats import caveats
from oomwarden.core.kill_report.groups import (
    KillFigures,
    NodeKills,
    TimeBar,
    WorkloadKills,
    by_node,
    by_workload,
    figures,
    over_time,
)
from oomwarden.core.kill_report.period import Period, within
from oomwarden.core.kill_report.remedies import Remedy, remedies
from oomwarden.core.kill_report.responses import ResponseSummary, summed_responses
from oomwarden.core.kill_report.worst import WorstKill, worst_kills

MAX_WORKLOADS, MAX_NODES = 25, 15


class LeftOut(Struct, frozen=True):
    """What a list does not show: how many entries, and their kills."""

    entries: int
    kills: int


class KillReport(Struct, frozen=True):
    """A review of the kills of a period.

    Attributes:
        scope: What it covers, such as "namespace shop".
        generated: When it was made.
        previous: The figures of the period before.
        last_kill: When the latest kill of any time was found; None if none is known.
    """

    scope: str
    generated: datetime
    period: Period
    figures: KillFigures
    previous: KillFigures
    over_time: tuple[TimeBar, ...]
    workloads: tuple[WorkloadKills, ...]
    workloads_left_out: LeftOut
    causes: tuple[CauseKills, ...]
    nodes: tuple[NodeKills, ...]
    nodes_left_out: LeftOut
    worst: tuple[WorstKill, ...]
    responses: ResponseSummary
    remedies: tuple[Remedy, ...]
    caveats: tuple[str, ...]
    last_kill: datetime | None


def build_report(
    scope: str,
    now: datetime,
    period: Period,
    everything: Sequence[KillRecord],
    notes: Sequence[str] = (),
) -> KillReport:
    """Return the report of a period.

    Args:
        scope: What the records are of, for people.
        now: The current time.
        period: The time to report.
        everything: The records of any time; those of the period before are compared.
        notes: More caveats, such as a right that is missing.
    """
    records = within(period, list(everything))
    before = within(period.previous, list(everything))
    workloads, nodes = by_workload(period, records, before), by_node(records)
    return KillReport(
        scope=scope,
        generated=now,
        period=period,
        figures=figures(records),
        previous=figures(before),
        over_time=over_time(period, records),
        workloads=tuple(workloads[:MAX_WORKLOADS]),
        workloads_left_out=_left_out(workloads[MAX_WORKLOADS:]),
        causes=summed_causes(records),
        nodes=tuple(nodes[:MAX_NODES]),
        nodes_left_out=_left_out(nodes[MAX_NODES:]),
        worst=worst_kills(records, workloads),
        responses=summed_responses(records),
        remedies=remedies(records, workloads),
        caveats=(*notes, *caveats(period, records, everything)),
        last_kill=max((each.found for each in everything if each.found), default=None),
    )


def _left_out(rest: Sequence[WorkloadKills] | Sequence[NodeKills]) -> LeftOut:
    return LeftOut(len(rest), sum(each.kills for each in rest))
