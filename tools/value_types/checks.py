"""What the annotations of the models ask for, as far as msgspec can express it."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from oomwarden.api.codec.values import amount_text
from oomwarden.api.models.base import truncate
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

_META = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt", MinLen: "min_length", MaxLen: "max_length"}


class TypeGenerationError(Exception):
    """A model uses something that the generated types cannot express."""


class Checks(NamedTuple):
    """What the metadata of an annotation ask for.

    Attributes:
        meta: Arguments of msgspec's Meta.
        size: Characters to which a text is truncated; None: it is not.
        amount: Whether whole numbers become text.
    """

    meta: tuple[tuple[str, object], ...] = ()
    size: int | None = None
    amount: bool = False


def checks_of(metadata: Iterable[object]) -> Checks:
    """Return what the metadata of an annotation ask for."""
    meta: dict[str, object] = {}
    size, amount = None, False
    for each in _flat(metadata):
        if type(each) in _META:
            name = _META[type(each)]
            meta[name] = getattr(each, name)
        elif pattern := getattr(each, "pattern", None):
            meta["pattern"] = _at_the_end(pattern)
        elif isinstance(each, BeforeValidator):
            repair = each.func
            amount = amount or repair is amount_text
            if isinstance(repair, partial) and repair.func is truncate:
                size = repair.keywords["size"]
            elif not amount:
                raise TypeGenerationError(f"generated types do not know the validator {repair}")
    return Checks(tuple(meta.items()), size, amount)


def _flat(metadata: Iterable[object]) -> Iterator[object]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from _flat(each.metadata)
        else:
            yield each


def _at_the_end(pattern: str) -> str:
    """Return a pattern of pydantic, whose `$` is the end of the text, for Python's re."""
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
