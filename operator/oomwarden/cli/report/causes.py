"""How causes are drawn: a colour and a texture each, so that no colour is needed to read them."""

from collections.abc import Iterable

from oomwarden.api.oomkill import Cause
from oomwarden.cli.report.html import Markup, element, joined
from oomwarden.core.kill_report.causes import known_cause

ORDER = tuple(str(each) for each in Cause)
"""From the bottom of a stack to its top."""
_CLASSES = {
    Cause.CONTAINER_LIMIT: "container",
    Cause.POD_LIMIT: "pod",
    Cause.NODE_ALLOCATABLE: "allocatable",
    Cause.NODE_OUT_OF_MEMORY: "node",
    Cause.NUMA_NODES_OUT_OF_MEMORY: "numa",
    Cause.UNKNOWN: "unknown",
}
_TEXTURES = {
    "pod": "M-1 7L7-1M-1 1L1-1M5 7L7 5",
    "allocatable": "M1.5 2.5h2M4.5 5.5h2",
    "node": "M-1 7L7-1M-1-1L7 7",
    "numa": "M0 1.5h6M0 4.5h6",
    "unknown": "M1.5 0v6M4.5 0v6",
}


def class_of(cause: str) -> str:
    """Return the class of a cause's shapes."""
    return f"cause-{_CLASSES[Cause(known_cause(cause))]}"


def textures() -> Markup:
    """Return the textures that the style sheet refers to."""
    patterns = [
        element(
            "pattern",
            element("rect", width=6, height=6, class_=f"ink-{name}"),
            element("path", d=path, class_="hatch"),
            id=f"texture-{name}",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
        )
        for name, path in _TEXTURES.items()
    ]
    return element(
        "svg", element("defs", patterns), width=0, height=0, class_="defs", aria_hidden="true"
    )


def swatch(cause: str) -> Markup:
    """Return a small square in the colour and texture of a cause."""
    shape = element("rect", width="12", height="12", rx="2", class_=class_of(cause))
    return element("svg", shape, class_="swatch", width=12, height=12, aria_hidden="true")


def tag(cause: str, kills: int | None = None) -> Markup:
    """Return a cause's name beside its swatch, and its kills if they are given."""
    count = None if kills is None else element("span", f"{kills:,}", class_="count")
    return element("span", swatch(cause), element("span", cause), count, class_="cause")


def tags(causes: Iterable[tuple[str, int]]) -> Markup:
    """Return several causes; the kills of each if there is more than one."""
    found = list(causes)
    return joined([tag(cause, kills if len(found) > 1 else None) for cause, kills in found])
