"""The table, its JSON, and two runs side by side."""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.recall.judge import Score

Json = dict[str, Any]
Results = dict[str, dict[str, Score]]
_HEAD = ("scenario", "reporter", "kills", "recall", "wrong", "twice", "p50 s", "p99 s")
_ROW = "{:<10} {:<18} {:>5} {:>8} {:>6} {:>6} {:>7} {:>7}"


def render(results: Mapping[str, Mapping[str, Score]], notes: Mapping[str, str]) -> str:
    """Lay out one block a scenario."""
    lines = [_ROW.format(*_HEAD)]
    for scenario, scores in results.items():
        for row, (name, score) in enumerate(scores.items()):
            lines.append(_ROW.format("" if row else scenario, name, *cells(score)))
        if note := notes.get(scenario):
            lines.append(f"{'':<10} {note}")
    return "\n".join(lines)


def cells(score: Score) -> tuple[str, ...]:
    """Give a reporter's figures as words."""
    return (
        str(score.true),
        f"{score.recall:.0f} %",
        str(score.wrong),
        str(score.twice),
        _seconds(score.p50),
        _seconds(score.p99),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def to_json(results: Results, notes: Mapping[str, str], cost: Mapping[str, float]) -> Json:
    """Give everything for comparing runs."""
    told = {
        scenario: {name: _plain(score) for name, score in scores.items()}
        for scenario, scores in results.items()
    }
    return {"results": told, "notes": dict(notes), "cost": dict(cost)}


def _plain(score: Score) -> Json:
    return {
        "true": score.true,
        "found": score.found,
        "wrong": score.wrong,
        "twice": score.twice,
        "latencies": list(score.latencies),
    }


def from_json(text: Json) -> Results:
    """Read a run.

    Raises:
        KeyError, TypeError: it is no run of this benchmark.
    """
    return {
        scenario: {
            name: Score(**{**plain, "latencies": tuple(plain["latencies"])})
            for name, plain in scores.items()
        }
        for scenario, scores in text["results"].items()
    }


def compare(before: Results, after: Results) -> str:
    """Lay out what both runs have, the earlier one first."""
    lines = ["earlier run -> this run"]
    for scenario, name in _common(before, after):
        was, now = cells(before[scenario][name]), cells(after[scenario][name])
        pairs = (f"{head} {a} -> {b}" for head, a, b in zip(_HEAD[2:], was, now, strict=True))
        lines.append(f"{scenario:<10} {name:<18} " + "  ".join(pairs))
    return "\n".join(lines)


def _common(before: Results, after: Results) -> Iterable[tuple[str, str]]:
    return [
        (scenario, name)
        for scenario in after
        if scenario in before
        for name in after[scenario]
        if name in before[scenario]
    ]
