"""Text that tenants choose: it is made readable and cut, and never refused."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def readable(text: object, size: int) -> str:
    """Escape what cannot be printed, and cut to `size` characters.

    Control characters, line ends, lone surrogates and marks that turn the direction of writing
    would forge lines of a log or of `kubectl get`.
    """
    told = text if isinstance(text, str) else str(text)
    return "".join(each if each.isprintable() else _escaped(each) for each in told[:size])[:size]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _cut_to(size: int) -> BeforeValidator:
    return BeforeValidator(lambda text: readable(text, size) if isinstance(text, str) else text)


Text63 = Annotated[str, _cut_to(63), Field(max_length=63)]
Text96 = Annotated[str, _cut_to(96), Field(max_length=96)]
"""A comm: 15 bytes, of which each may be escaped by six characters."""
Text128 = Annotated[str, _cut_to(128), Field(max_length=128)]
Text253 = Annotated[str, _cut_to(253), Field(max_length=253)]
Text256 = Annotated[str, _cut_to(256), Field(max_length=256)]
Text1024 = Annotated[str, _cut_to(1024), Field(max_length=1024)]
"""A field that takes text of any length, and keeps so many characters."""
