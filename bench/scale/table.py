"""The table of results, its JSON, and the comparison of two runs."""

from collections.abc import Mapping
from typing import Any

from bench.scale.session import Figures

Results = dict[str, Figures | str]
"""By scenario; a text says why it failed."""


def render(results: Mapping[str, Figures | str]) -> str:
    """Format one block for each scenario."""
    return "\n".join(_block(name, found) for name, found in results.items())


def _block(name: str, found: Figures | str) -> str:
    if isinstance(found, str):
        return f"{name}\n  FAILED: {found}"
    width = max(map(len, found), default=0)
    return "\n".join([name, *(f"  {what:<{width}}  {_text(each)}" for what, each in found.items())])


def _text(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.2f}"  # noqa: PLR2004 - three digits are enough


def to_json(results: Results, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results as JSON, for later comparisons."""
    return {"about": dict(about), "results": results}


def from_json(content: Any) -> Results:
    """Parse the JSON of a run.

    Raises:
        KeyError, TypeError, AttributeError: It is not a result of this benchmark.
    """
    return {
        name: found if isinstance(found, str) else {key: float(found[key]) for key in found}
        for name, found in content["results"].items()
    }


def compare(before: Results, after: Results) -> str:
    """Format the figures that both runs have, the earlier one first."""
    lines = ["", "earlier run -> this run"]
    for name, found in after.items():
        old = before.get(name)
        if isinstance(found, str) or old is None or isinstance(old, str):
            lines.append(f"{name}: cannot be compared")
            continue
        common = [what for what in found if what in old]
        width = max(map(len, common), default=0)
        lines += [name, *(
            f"  {what:<{width}}  {_text(old[what])} -> {_text(found[what])}" for what in common
        )]  # fmt: skip
    return "\n".join(lines)
