"""Text that tenants choose: it is made printable and truncated, but never rejected."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def readable(text: object, size: int) -> str:
    """Escape unprintable characters, and truncate to `size` characters.

    Control characters, line ends, lone surrogates and bidirectional marks could forge lines of a
    log or of `kubectl get`.
    """
    whole = text if isinstance(text, str) else str(text)
    return "".join(each if each.isprintable() else _escaped(each) for each in whole[:size])[:size]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _truncated_to(size: int) -> BeforeValidator:
    return BeforeValidator(lambda text: readable(text, size) if isinstance(text, str) else text)


Text63 = Annotated[str, _truncated_to(63), Field(max_length=63)]
Text96 = Annotated[str, _truncated_to(96), Field(max_length=96)]
"""A comm: 15 bytes, each of which may be escaped as six characters."""
Text128 = Annotated[str, _truncated_to(128), Field(max_length=128)]
Text253 = Annotated[str, _truncated_to(253), Field(max_length=253)]
Text256 = Annotated[str, _truncated_to(256), Field(max_length=256)]
Text1024 = Annotated[str, _truncated_to(1024), Field(max_length=1024)]
"""A field that accepts text of any length and keeps this many characters."""
