"""The results of a run as tables with a column for each agent, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Figures = Mapping[str, float]
Sections = Mapping[str, Figures]
"""The figures of one agent, by section and by name."""
Results = Mapping[str, Sections]
"""All agents by the name of their column."""
OTHERS, SUM = "others", "sum"
MAX_ROWS = 24
_VERSION = 1
_WIDEST, _LARGE = 44, 100


def render(results: Results, *, changes: bool = True) -> str:
    """Return a table for each section.

    Args:
        results: The figures; a column is left out where it has none.
        changes: Whether two columns are before and after, so that the difference is shown.
    """
    sections = dict.fromkeys(name for found in results.values() for name in found)
    return "\n\n".join(_section(name, results, changes=changes) for name in sections)


def _section(name: str, results: Results, *, changes: bool) -> str:
    columns = {agent: found[name] for agent, found in results.items() if name in found}
    names = _rows(list(columns.values()), sums=_is_sum(name))
    shown = [[row, *(cell(_value(figures, row, names)) for figures in columns.values())]
             for row in names]  # fmt: skip
    heads = [name, *columns]
    if changes and len(columns) == 2:  # noqa: PLR2004 - before and after
        first, second = columns.values()
        heads.append("change")
        for line in shown:
            pair = _value(first, line[0], names), _value(second, line[0], names)
            line.append(change(*pair))
    return _aligned([heads, *shown])


def _is_sum(section: str) -> bool:
    """Return whether the figures of a section are parts of one sum."""
    return " by " in section


def _rows(columns: Sequence[Figures], *, sums: bool) -> list[str]:
    """Return the names of the rows; of parts only the largest, the others as one, and the sum."""
    names = list(dict.fromkeys(name for figures in columns for name in figures))
    if not sums:
        return names
    names.sort(key=lambda name: -max(figures.get(name, 0.0) for figures in columns))
    if len(names) <= MAX_ROWS:
        return [*names, SUM]
    return [*names[: MAX_ROWS - 1], OTHERS, SUM]


def _value(figures: Figures, row: str, shown: Sequence[str]) -> float | None:
    if row == SUM:
        return sum(figures.values())
    if row == OTHERS and row not in figures:
        return sum(value for name, value in figures.items() if name not in shown)
    return figures.get(row)


def cell(value: float | None) -> str:
    """Format a figure: three digits that count."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= _LARGE else 1 if abs(value) >= _LARGE / 10 else 2
    return f"{value:,.{digits}f}"


def change(before: float | None, now: float | None) -> str:
    """Format how much a figure has changed, in percent."""
    if not before or now is None:
        return ""
    return f"{100 * (now - before) / before:+.0f} %"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [min(max(map(len, column)), _WIDEST) for column in zip(*lines, strict=True)]
    texts = []
    for line in lines:
        first, *rest = (text[-_WIDEST:] for text in line)
        cells = (f"{text:>{width}}" for text, width in zip(rest, widths[1:], strict=True))
        texts.append("  ".join((f"{first:<{widths[0]}}", *cells)).rstrip())
    return "\n".join(texts)


def to_json(results: Results, about: Mapping[str, str]) -> str:
    """Return the results as JSON, which `from_json` reads."""
    return json.dumps({"version": _VERSION, "about": about, "agents": results}, indent=1) + "\n"


def from_json(text: str) -> dict[str, dict[str, dict[str, float]]]:
    """Return the results of an earlier run.

    Raises:
        ValueError: The text is no result of this benchmark.
    """
    found: Any = json.loads(text)
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        raise ValueError(f"it is not of version {_VERSION} of this format")
    agents = found.get("agents")
    if not isinstance(agents, dict):
        raise ValueError("it has no agents")  # noqa: TRY004 - of the text, not of an argument
    return {str(name): _sections(sections) for name, sections in agents.items()}


def _sections(found: Any) -> dict[str, dict[str, float]]:
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError("an agent has no sections")
    return {
        str(section): {str(name): float(value) for name, value in figures.items()}
        for section, figures in found.items()
    }


def beside(old: Results, new: Results) -> dict[str, Sections]:
    """Return old and new results in one; old columns come first and are named so."""
    return {**{f"old {name}": sections for name, sections in old.items()}, **new}


def read(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Read the results of an earlier run.

    Raises:
        ValueError: It is missing or no result of this benchmark; the message names it.
    """
    try:
        return from_json(path.read_text())
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a result of this benchmark: {error}") from error
