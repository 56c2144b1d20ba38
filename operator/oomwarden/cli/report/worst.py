"""The worst kills, each with the memory before it, what filled it, and who was killed."""

from collections.abc import Sequence

from oomwarden.cli.report.axis import percent
from oomwarden.cli.report.causes import tag
from oomwarden.cli.report.html import Content, Markup, element, joined
from oomwarden.cli.report.memory_chart import describe_curve, memory_chart
from oomwarden.cli.report.wording import (
    amount,
    breakable,
    exact_amount,
    exact_moment,
    plural,
    time_of,
)
from oomwarden.core.explanation.story import FilledMemory, UsageCurve
from oomwarden.core.history.kill_record import RecordedVictim
from oomwarden.core.kill_report.worst import WorstKill
from oomwarden.core.usage_pattern.verdict import Pattern

MAX_PARTS = 5
_LARGE = 0.02
"""Smaller shares of the memory are summed up."""
_GROUP = {
    True: "The kernel killed the whole container.",
    False: "The kernel killed single processes; the container may have gone on without them.",
    None: None,
}


def worst_cards(kills: Sequence[WorstKill]) -> Markup:
    """Return a card for each kill."""
    return element(
        "div", [_card(kill, number) for number, kill in enumerate(kills)], class_="cards"
    )


def _card(kill: WorstKill, number: int) -> Markup:
    return element(
        "article",
        element("h3", breakable(_title(kill))),
        element("p", _facts(kill), class_="facts"),
        _figure(kill, number),
        _filled(kill.filled),
        _victims(kill),
        element("p", element("code", _why(kill)), class_="more"),
        class_="card",
    )


def _why(kill: WorstKill) -> str:
    return f"kubectl oom why {kill.record} -n {kill.namespace}"


def _title(kill: WorstKill) -> str:
    which = " or ".join(kill.containers[:3]) or "unknown container"
    more = len(kill.containers) - 3
    return f"{kill.workload} · {which}" + (f" or {more} more" if more > 0 else "")


def _facts(kill: WorstKill) -> Content:
    limit = "" if kill.limit_bytes is None else f" at {exact_amount(kill.limit_bytes)}"
    many = f", {plural(kill.kills, 'kill')} in one record" if kill.kills > 1 else ""
    where = f"pod {kill.namespace}/{kill.pod or 'unknown'} on node {kill.node or 'unknown'}"
    policy = f", governed by {kill.policy}" if kill.policy else ""
    found = time_of(kill.found, exact_moment(kill.found))
    return [tag(kill.cause), f"{limit}, ", found, f" UTC{many}; ", breakable(where), policy, "."]


def _figure(kill: WorstKill, number: int) -> Markup:
    chart = memory_chart(kill, number)
    caption = element("figcaption", element("p", describe_curve(kill)), _pattern(kill.usage))
    return element("figure", chart, caption)


def _pattern(usage: UsageCurve) -> Markup:
    name = "No pattern" if usage.pattern is Pattern.UNKNOWN else usage.pattern
    evidence = f"{usage.evidence[:1].upper()}{usage.evidence[1:].rstrip('.')}."
    return element("p", element("span", name, class_="badge"), " ", evidence)


def _filled(filled: FilledMemory) -> Markup:
    """Return what the memory consisted of, the largest parts by name."""
    total = filled.total_bytes
    sentences = [element("p", each) for each in filled.sentences]
    if not filled.parts or not total:
        return joined([element("h4", "What filled it"), sentences])
    large = [each for each in filled.parts[:MAX_PARTS] if each.bytes >= total * _LARGE]
    rows = [(part.name, part.bytes) for part in large]
    if rest := sum(part.bytes for part in filled.parts[len(large) :]):
        rows.append(("everything else", rest))
    listed = element("dl", [_part(name, size, total) for name, size in rows], class_="parts")
    heading = element("h4", f"What filled it: {amount(total)}, {filled.source}")
    return joined([heading, listed, sentences])


def _part(name: str, size: int, total: int) -> Markup:
    share = min(size / total, 1.0)
    bar = element(
        "svg",
        element("rect", width="100%", height=6, rx=3, class_="track"),
        element("rect", width=percent(share, 1), height=6, rx=3, class_="fill"),
        class_="bar",
        width="100%",
        height=6,
        aria_hidden="true",
    )
    value = element("dd", f"{amount(size)}, {share:.0%}", bar)
    return element("div", element("dt", name), value)


def _victims(kill: WorstKill) -> Markup:
    if not kill.victims:
        text = "Unknown: the kernel log has no line of it."
        return joined([element("h4", "Killed"), element("p", text)])
    rows = [element("li", _victim(each)) for each in kill.victims]
    if kill.victims_left_out:
        rows.append(element("li", f"and {kill.victims_left_out} more"))
    how = _GROUP[kill.group_kill]
    note = element("p", how) if how else None
    return joined([element("h4", "Killed"), element("ul", rows, class_="victims"), note])


def _victim(victim: RecordedVictim) -> Content:
    held = sum(victim.sizes.get(key, 0) for key in ("anonRSS", "fileRSS", "shmemRSS"))
    facts = [f"pid {victim.pid}"] if victim.pid is not None else []
    facts += [f"{amount(held)} in RAM"] if victim.sizes else []
    facts += [f"oom_score_adj {victim.oom_score_adj}"] if victim.oom_score_adj is not None else []
    return [element("code", victim.command or "unknown"), f" {', '.join(facts)}"]
