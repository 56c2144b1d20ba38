"""The whole page: the answer first, then figures, the worst kills, and what to do."""

import base64
import hashlib

from oomwarden.cli.report import sections
from oomwarden.cli.report.causes import textures
from oomwarden.cli.report.html import Content, Markup, element, joined
from oomwarden.cli.report.reading import reading
from oomwarden.cli.report.style import STYLE
from oomwarden.cli.report.time_chart import time_chart
from oomwarden.cli.report.wording import length, moment, plural, time_of
from oomwarden.cli.report.worst import worst_cards
from oomwarden.core.kill_report.report import KillReport

_POLICY = (
    "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""The page may load and send nothing, and only its own style sheet counts."""


def page(report: KillReport, version: str) -> str:
    """Return the page.

    Args:
        report: What it shows.
        version: The version of oomwarden that made it.
    """
    parts = _parts(report)
    body = element(
        "body",
        textures(),
        _header(report),
        _contents(parts) if report.figures.kills else None,
        element("main", [_section(*each) for each in parts]),
        element("footer", element("p", f"kubectl oom report, oomwarden {version}.")),
    )
    return f"<!doctype html>\n{element('html', _head(report), body, lang='en')}\n"


def _head(report: KillReport) -> Markup:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = {"http_equiv": "Content-Security-Policy", "content": _POLICY.format(digest=digest)}
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("meta", name_="referrer", content="no-referrer"),
        element("title", f"{_headline(report)} ({report.scope})"),
        element("style", Markup(STYLE)),
    )


def _headline(report: KillReport) -> str:
    found, span = report.figures, length(report.period.length)
    if not found.kills:
        return f"No OOM kills in {span}"
    first = report.workloads[0]
    if found.workloads == 1:
        return f"{plural(found.kills, 'OOM kill')} in {span}, all of {first.workload}"
    if first.kills * 2 > found.kills:
        return f"{plural(found.kills, 'OOM kill')} in {span}, most of {first.workload}"
    return f"{plural(found.kills, 'OOM kill')} of {plural(found.workloads, 'workload')} in {span}"


def _header(report: KillReport) -> Markup:
    period = report.period
    when = [
        time_of(period.start, moment(period.start)),
        " to ",
        time_of(period.end, moment(period.end)),
        " UTC",
    ]
    return element(
        "header",
        element("p", report.scope, class_="scope"),
        element("h1", _headline(report)),
        element("p", when, class_="when"),
        _figures(report) if report.figures.kills else None,
    )


def _figures(report: KillReport) -> Markup:
    found = report.figures
    shown = (
        (found.kills, "kill", _compared(report)),
        (found.workloads, "workload", None),
        (found.pods, "pod", None),
        (found.nodes, "node", None),
    )
    return element("dl", [_figure(*each) for each in shown], class_="figures")


def _figure(number: int, noun: str, note: Content) -> Markup:
    return element(
        "div",
        element("dt", noun if number == 1 else f"{noun}s"),
        element("dd", f"{number:,}", class_="big"),
        element("dd", note, class_="compared") if note else None,
    )


def _compared(report: KillReport) -> str:
    now, before = report.figures.kills, report.previous.kills
    span = length(report.period.length).removeprefix("1 ")
    if not before:
        return f"none in the {span} before"
    change = "as many as" if now == before else f"{abs(now - before):,} {_more(now, before)} than"
    return f"{change} in the {span} before ({before:,})"


def _more(now: int, before: int) -> str:
    return "more" if now > before else "fewer"


def _parts(report: KillReport) -> list[tuple[str, str, Content]]:
    """Return the sections: identifier, heading, content."""
    end = [
        ("caveats", "What this report cannot know", sections.caveats(report.caveats)),
        ("reading", "How to read this", reading()),
    ]
    if not report.figures.kills:
        return [("none", "Nothing to show", _nothing(report)), *end]
    return [
        ("time", "Kills over time", time_chart(report.period, report.over_time)),
        ("workloads", "By workload", sections.workloads(report)),
        ("todo", "What to do", sections.remedies(report.remedies)),
        ("worst", "The worst, with the memory before", worst_cards(report.worst)),
        ("done", "What was done", sections.responses(report)),
        ("causes", "By cause", sections.causes(report)),
        ("nodes", "By node", sections.nodes(report)),
        *end,
    ]


def _nothing(report: KillReport) -> Markup:
    last = report.last_kill
    earlier = (
        "No record of an earlier kill exists either."
        if last is None
        else f"The latest kill that is recorded was found on {moment(last)} UTC."
    )
    return joined(
        [
            element("p", f"No OOM kill was recorded in this period. {earlier}"),
            element(
                "p",
                "This means that there was none if agents ran on all nodes: ",
                element("code", "kubectl oom doctor"),
                " shows whether they do, and ",
                element("code", "kubectl oom test"),
                " proves it with a kill of its own.",
            ),
        ]
    )


def _contents(parts: list[tuple[str, str, Content]]) -> Markup:
    links = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in parts]
    return element("nav", element("ul", links), aria_label="On this page")


def _section(name: str, heading: str, content: Content) -> Markup:
    title = element("h2", heading, id=f"heading-{name}")
    return element("section", title, content, id=name, aria_labelledby=f"heading-{name}")
