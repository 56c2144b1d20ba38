"""Elements of HTML and SVG; text is escaped unless it is markup already."""

import html
from typing import TYPE_CHECKING, TypeAlias

from oomwarden.cli.output.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_VOID = {"meta", "br", "wbr"}


class Markup(str):
    """HTML that is complete: it is not escaped again."""

    __slots__ = ()


Content: TypeAlias = "str | Markup | int | Iterable[Content] | None"
"""Text, markup, a number, nothing, or several of them."""


def element(name: str, *content: Content, **attributes: str | float | None) -> Markup:
    """Return an element.

    Args:
        name: The tag.
        content: What is in it; text is escaped, and its control characters are shown.
        attributes: Their values; None is left out. An underscore stands for a hyphen, and one at
            the end is dropped: class_, stroke_width.
    """
    shown = "".join(
        f' {_attribute(key)}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{joined(content)}</{name}>")


def joined(content: Content) -> Markup:
    """Return several parts as one."""
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str | int):
        return Markup(_escaped(content))
    return Markup("".join(map(joined, content)))


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _escaped(value: object) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return html.escape(visible(text))
