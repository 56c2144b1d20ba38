"""The table of results, its JSON, and the comparison of two runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.recall.judge import Score

Json = dict[str, Any]
Figures = dict[str, float]
_HEAD = ("kills", "recall", "pod only", "wrong", "twice", "p50 s", "p99 s")
_ROW = "{:<10} {:<18}" + "".join(f" {{:>{max(len(head), 7)}}}" for head in _HEAD)


@dataclass(frozen=True)
class Result:
    """The result of a scenario.

    Attributes:
        scores: By reporter; None: it cannot be scored in this scenario.
        remarks: What the table shows beside the scores.
        failed: Why the scenario failed; empty: it did not.
    """

    scores: Mapping[str, Score | None] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    failed: str = ""


Results = dict[str, Result]


def render(results: Mapping[str, Result], cost: Mapping[str, float]) -> str:
    """Format one block for each scenario, then the agent's cost."""
    lines = [_ROW.format("scenario", "reporter", *_HEAD)]
    for scenario, result in results.items():
        rows = list(result.scores.items())
        for row, (name, score) in enumerate(rows):
            lines.append(_ROW.format("" if row else scenario, name, *cells(score)))
        remarks = [*([f"FAILED: {result.failed}"] if result.failed else []), *result.remarks]
        for row, remark in enumerate(remarks):
            lines.append(f"{'' if rows or row else scenario:<10} {remark}")
    lines += [f"{what}: {value:.1f}" for what, value in cost.items()]
    return "\n".join(line.rstrip() for line in lines)


def cells(score: Score | None) -> tuple[str, ...]:
    """Format the figures of a reporter."""
    if score is None:
        return ("-",) * len(_HEAD)
    recall = "-" if score.recall is None else f"{score.recall:.0f} %"
    counts = (score.vague, score.wrong, score.twice)
    times = ("-" if value is None else f"{value:.2f}" for value in (score.p50, score.p99))
    return (str(score.true), recall, *map(str, counts), *times)


def to_json(results: Results, cost: Figures, about: Mapping[str, str]) -> Json:
    """Return the results as JSON, for later comparisons."""
    plain = {scenario: asdict(result) for scenario, result in results.items()}
    return {"about": dict(about), "results": plain, "cost": dict(cost)}


def from_json(text: Json) -> tuple[Results, Figures]:
    """Parse the JSON of a run.

    Raises:
        KeyError, TypeError: It is not a result of this benchmark.
    """
    results = {
        scenario: Result(
            {name: _score(plain) for name, plain in one["scores"].items()},
            tuple(one["remarks"]),
            one["failed"],
        )
        for scenario, one in text["results"].items()
    }
    return results, {what: float(value) for what, value in text["cost"].items()}


def _score(plain: Json | None) -> Score | None:
    return None if plain is None else Score(**{**plain, "latencies": tuple(plain["latencies"])})


def compare(before: tuple[Results, Figures], after: tuple[Results, Figures]) -> str:
    """Format the differences of two runs, the earlier one first."""
    (old, spent), (new, spends) = before, after
    lines = ["", "differences, earlier run -> this run"]
    for scenario in dict.fromkeys([*old, *new]):
        if scenario not in old or scenario not in new:
            lines.append(
                f"{scenario:<10} only in {'this' if scenario in new else 'the earlier'} run"
            )
            continue
        names = dict.fromkeys([*old[scenario].scores, *new[scenario].scores])
        for name in names:
            was, now = cells(old[scenario].scores.get(name)), cells(new[scenario].scores.get(name))
            pairs = [
                f"{head} {a} -> {b}" for head, a, b in zip(_HEAD, was, now, strict=True) if a != b
            ]
            lines.append(f"{scenario:<10} {name:<18} " + ("  ".join(pairs) or "the same"))
    common = [what for what in spends if what in spent]
    lines += [f"{what}: {spent[what]:.1f} -> {spends[what]:.1f}" for what in common]
    return "\n".join(lines)
