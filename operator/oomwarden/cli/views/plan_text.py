"""The preview of policies for people: a table of workloads, what stands in the way, and a sum."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from oomwarden.cli.output.tables import table
from oomwarden.cli.output.terminal import visible
from oomwarden.core.model.quantity import format_bytes
from oomwarden.core.policy_preview.container_settings import ContainerSettings
from oomwarden.core.policy_preview.plan_report import (
    PlanReport,
    PolicySummary,
    WorkloadPreview,
    policy_name,
)
from oomwarden.core.policy_preview.preview import ContainerPreview, PlanResult

MAX_REMARKS = 20
_MAX_NAMED = 3
_VERBS = {
    PlanResult.CHANGE: "change",
    PlanResult.STAY: "stay",
    PlanResult.REFUSED: "refused",
    PlanResult.INEFFECTIVE: "ineffective",
    PlanResult.OVERRIDDEN: "overridden",
    PlanResult.OBSERVED: "observed",
}
Containers = Sequence[ContainerPreview]
_Column = tuple[str, Callable[[Containers], object]]


def plan_text(report: PlanReport, *, wide: bool, headed: bool) -> str:
    """Return the report as text; `wide` has a row for each pod."""
    rows: list[Containers] = (
        [(each,) for each in report.containers]
        if wide
        else [each.containers for each in report.workloads]
    )
    columns = list(_columns(report, wide=wide))
    cells = [[cell(row) for _, cell in columns] for row in rows]
    parts = [table([title for title, _ in columns], cells, headed=headed)] if cells else []
    parts += [_paragraph(_remarks(report)), _paragraph(map(_policy, report.policies))]
    parts += [_paragraph(f"Note: {each}." for each in report.notes)]
    return "\n".join([*filter(None, parts), f"{total(report.results)}\n"])


def _paragraph(lines: Iterable[str]) -> str:
    return "".join(f"{visible(line)}\n" for line in lines)


def _columns(report: PlanReport, *, wide: bool) -> Iterator[_Column]:
    """Yield the columns that have something to say, with how to fill them."""
    found = report.containers
    if len({each.pod.facts.namespace for each in found}) > 1:
        yield "NAMESPACE", lambda row: row[0].pod.facts.namespace
    if wide:
        yield "POD", lambda row: row[0].pod.facts.name
    else:
        yield "WORKLOAD", lambda row: WorkloadPreview("", _owner(row[0]), tuple(row)).workload
        yield "PODS", len
    yield "CONTAINER", lambda row: row[0].container
    if wide or len(report.policies) > 1:
        yield "POLICY", lambda row: _short_name(row[0])
    yield "SCORE", _scores
    yield from _optional_columns(report)
    if wide:
        yield "NODE", lambda row: row[0].pod.node or None
        yield "BEFORE", lambda row: _governor(row[0].before)
        yield "AFTER", lambda row: _governor(row[0].after)
    yield "RESULT", lambda row: _result(row[0])


def _optional_columns(report: PlanReport) -> Iterator[_Column]:
    both = [one for each in report.containers for one in (each.before, each.after)]
    limits = any(each.before.limit != each.after.limit for each in report.containers)
    if limits or any(each.raised_to for each in both):
        yield "LIMIT", lambda row: _step(row[0], _limit)
    if any(not each.group_kill for each in both):
        yield "GROUPKILL", lambda row: _step(row[0], lambda one: str(one.group_kill).lower())
    if any(each.processes for each in both):
        yield "PROCESSES", lambda row: _processes(row[0].after)


def _owner(each: ContainerPreview) -> str:
    owner = each.pod.facts.owner
    return f"{owner.kind}/{owner.name}" if owner else f"Pod/{each.pod.facts.name}"


def _short_name(each: ContainerPreview) -> str:
    _, namespace, name = each.policy
    return f"{namespace}/{name}" if namespace else name


def _scores(row: Containers) -> str:
    """Return the step from the scores now to those then; of replicas, the range."""
    now, then = ([side(each) for each in row] for side in (_before, _after))
    first, last = _range(now), _range(then)
    return first if first == last else f"{first} -> {last}"


def _before(each: ContainerPreview) -> ContainerSettings:
    return each.before


def _after(each: ContainerPreview) -> ContainerSettings:
    return each.after


def _range(settings: Sequence[ContainerSettings]) -> str:
    known = [each.score for each in settings if each.score is not None]
    if not known:
        return "?"
    mark = "~" if any(each.is_estimated for each in settings) else ""
    low, high = min(known), max(known)
    return f"{mark}{low}" if low == high else f"{mark}{low}..{high}"


def _step(each: ContainerPreview, shown: Callable[[ContainerSettings], str]) -> str:
    first, last = shown(each.before), shown(each.after)
    return first if first == last else f"{first} -> {last}"


def _limit(settings: ContainerSettings) -> str:
    limit = "none" if settings.limit is None else format_bytes(settings.limit)
    return f"{limit} (up to {settings.raised_to})" if settings.raised_to else limit


def _processes(settings: ContainerSettings) -> str | None:
    return ", ".join(f"{each.glob} {each.score}" for each in settings.processes) or None


def _governor(settings: ContainerSettings) -> str | None:
    return policy_name(settings.policy) if settings.policy else None


def _result(each: ContainerPreview) -> str:
    reasons = ", ".join(dict.fromkeys(one.reason for one in each.remarks))
    if each.result is PlanResult.OVERRIDDEN and each.after.policy:
        reasons = policy_name(each.after.policy)
    same = reasons == each.result
    return f"{each.result}{f' ({reasons})' if reasons and not same else ''}"


def _remarks(report: PlanReport) -> Iterator[str]:
    found = report.remarks()
    for remark, workloads in found[:MAX_REMARKS]:
        names = [f"{each.workload} {each.first.container}" for each in workloads]
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        yield f"{remark.reason} ({', '.join(names[:_MAX_NAMED])}{more}): {remark.message}"
    if len(found) > MAX_REMARKS:
        yield f"and {len(found) - MAX_REMARKS} more reasons: see -o json"


def _policy(summary: PolicySummary) -> str:
    name = policy_name(summary.change.key)
    verb = "deleted" if summary.change.deleted else "observes" if summary.observes else "enforces"
    if summary.nothing:
        return f"{name} {verb}: no effect, because {summary.nothing}"
    pods = f"{summary.pods} pod" if summary.pods == 1 else f"{summary.pods} pods"
    return f"{name} {verb}: {pods}, {total(summary.results)}"


def total(results: Counter[PlanResult]) -> str:
    """Return a sum such as 12 containers: 8 change, 2 stay, 1 refused, 1 ineffective."""
    count = results.total()
    parts = [f"{results[each]} {_VERBS[each]}" for each in PlanResult if results[each]]
    what = f"{count} container" if count == 1 else f"{count} containers"
    return f"{what}: {', '.join(parts)}" if parts else what
