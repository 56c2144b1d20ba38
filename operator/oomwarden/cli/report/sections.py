"""The sections of the page below its head."""

from collections.abc import Sequence

from oomwarden.cli.report.causes import tag, tags
from oomwarden.cli.report.html import Content, Markup, element, joined
from oomwarden.cli.report.tables import TableColumn, data_table, spark_line, stacked_bar
from oomwarden.cli.report.wording import (
    breakable,
    exact_amount,
    length,
    plural,
    short_moment,
    time_of,
    with_code,
)
from oomwarden.core.explanation.story import NextStep
from oomwarden.core.kill_report.groups import NodeKills, WorkloadKills
from oomwarden.core.kill_report.remedies import Remedy
from oomwarden.core.kill_report.report import KillReport, LeftOut
from oomwarden.core.kill_report.responses import KillResponse


def workloads(report: KillReport) -> Markup:
    """Return the table of workloads."""
    span = length(report.period.length)
    columns = [
        TableColumn("Workload"),
        TableColumn("Kills", is_number=True),
        TableColumn("By cause"),
        TableColumn("Over time"),
        TableColumn(f"{span} before", is_number=True),
        TableColumn("Pods", is_number=True),
        TableColumn("Limit hit"),
        TableColumn("Last (UTC)"),
    ]
    most = max(each.kills for each in report.workloads)
    rows = [_workload(each, most) for each in report.workloads]
    caption = "Workloads, those with the most kills first"
    return joined(
        [
            data_table(caption, "workloads", columns, rows),
            _more(report.workloads_left_out, "workload"),
        ]
    )


def _workload(group: WorkloadKills, most: int) -> list[Content]:
    name = [element("span", group.namespace, class_="namespace"), breakable(group.workload)]
    limits = [exact_amount(each) for each in group.limits_bytes[-3:]]
    earlier = "… → " if len(group.limits_bytes) > len(limits) else ""
    return [
        name,
        f"{group.kills:,}",
        [stacked_bar(group.causes, most), element("div", tags(group.causes), class_="causes")],
        spark_line(group.over_time),
        f"{group.previous_kills:,}",
        f"{group.pods:,}",
        earlier + " → ".join(limits) if limits else "none, or unknown",
        time_of(group.last, short_moment(group.last)),
    ]


def causes(report: KillReport) -> Markup:
    """Return what each cause means."""
    total = max(report.figures.kills, 1)
    entries = [
        element(
            "div",
            element("dt", tag(each.cause)),
            element(
                "dd",
                element("strong", plural(each.kills, "kill")),
                f", {each.kills / total:.0%}. ",
                each.meaning,
            ),
        )
        for each in report.causes
    ]
    return element("dl", entries, class_="meanings")


def nodes(report: KillReport) -> Markup:
    """Return the table of nodes."""
    columns = [
        TableColumn("Node"),
        TableColumn("Kills", is_number=True),
        TableColumn("By cause"),
        TableColumn("Pods", is_number=True),
        TableColumn("Last (UTC)"),
    ]
    most = max(each.kills for each in report.nodes)
    rows = [_node(each, most) for each in report.nodes]
    caption = "Nodes, those with the most kills first"
    return joined(
        [data_table(caption, "nodes", columns, rows), _more(report.nodes_left_out, "node")]
    )


def _node(group: NodeKills, most: int) -> list[Content]:
    return [
        breakable(group.node),
        f"{group.kills:,}",
        [stacked_bar(group.causes, most), element("div", tags(group.causes), class_="causes")],
        f"{group.pods:,}",
        time_of(group.last, short_moment(group.last)),
    ]


def _more(left_out: LeftOut, noun: str) -> Markup | None:
    if not left_out.entries:
        return None
    return element(
        "p",
        f"And {plural(left_out.entries, f'more {noun}')} with {plural(left_out.kills, 'kill')}.",
        class_="note",
    )


def responses(report: KillReport) -> Markup:
    """Return what was done after the kills."""
    found = report.responses
    done = [f"After {plural(found.raised, 'kill')}, a policy raised the memory limit."]
    done += [
        f"After {plural(kills, 'kill')}, it did not: {reason}."
        for reason, kills in found.not_raised
    ]
    if found.unanswered:
        done.append(f"After {plural(found.unanswered, 'kill')}, no policy asked for a response.")
    return joined(
        [
            element("ul", [element("li", each) for each in done]),
            _latest(report),
            _governed(found.governed),
        ]
    )


def _latest(report: KillReport) -> Markup | None:
    if not report.responses.latest:
        return None
    columns = [
        TableColumn("Workload"),
        TableColumn("Response"),
        TableColumn("Limit"),
        TableColumn("When (UTC)"),
    ]
    columns.append(TableColumn("Why"))
    rows: list[Sequence[Content]] = [
        [
            [element("span", each.namespace, class_="namespace"), breakable(each.workload)],
            each.reason,
            _change(each),
            time_of(each.time, short_moment(each.time)),
            element("div", each.message, class_="prose"),
        ]
        for each in report.responses.latest
    ]
    return data_table("The latest responses, raised limits first", "responses", columns, rows)


def _change(response: KillResponse) -> Markup:
    if not response.is_raise:
        return joined("unchanged")
    before, after = exact_amount(response.limit_before_bytes), exact_amount(response.limit_bytes)
    return element("span", f"{before} → {after}", class_="amounts")


def _governed(policies: Sequence[tuple[str, int]]) -> Markup:
    if not policies:
        return element("p", "No policy governed any of the killed containers.")
    named = [f"{name} ({plural(kills, 'kill')})" for name, kills in policies[:8]]
    more = len(policies) - len(named)
    rest = f" and {more} more" if more else ""
    what = f"Policies that governed the killed containers: {'; '.join(named)}{rest}."
    return element("p", what)


def remedies(found: Sequence[Remedy]) -> Markup:
    """Return what to do, for each of the worst workloads."""
    return element("ol", [_remedy(each) for each in found], class_="remedies")


def _remedy(remedy: Remedy) -> Markup:
    return element(
        "li",
        element(
            "h3",
            breakable(f"{remedy.namespace} · {remedy.workload}"),
            element("span", plural(remedy.kills, "kill"), class_="count"),
        ),
        element("p", " ".join(remedy.seen), class_="note") if remedy.seen else None,
        [_step(each) for each in remedy.steps],
    )


def _step(step: NextStep) -> Markup:
    command = element("pre", element("code", step.command), tabindex="0") if step.command else None
    return joined([element("p", with_code(step.text)), command])


def caveats(sentences: Sequence[str]) -> Markup:
    """Return what the report cannot know."""
    if not sentences:
        return element("p", "Nothing is known to be missing.")
    return element("ul", [element("li", with_code(each)) for each in sentences])
