"""What the generated types share: their base, and the repair of texts and amounts.

Source of the behaviour of Structs: msgspec 0.22, docs/structs.rst.
"""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from oomwarden.api.free_text import readable

AMOUNT_LENGTH = 64


class Value(Struct, frozen=True, gc=False, rename="camel"):
    """A generated API type: camelCase in JSON, immutable; unknown fields are ignored.

    Values contain no cycles, so the garbage collector need not visit them.
    """


if TYPE_CHECKING:
    WrittenAmount = str
else:
    WrittenAmount = Annotated[str, Meta(max_length=AMOUNT_LENGTH)] | int | float
    """An amount as YAML may write it; `amounts_as_text` makes it a text."""


def amount_text(given: object) -> object:
    """Accept a whole number, as Pods do: YAML parses 536870912 and 1.5e+9 as numbers."""
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return str(given) if is_number else given


def amounts_as_text(value: Value, *fields: str) -> None:
    """Replace the numbers among these fields by text, while a value is made.

    Raises:
        ValueError: A number is not whole, or too long. The text begins with the field's path.
    """
    for name in fields:
        given = getattr(value, name)
        if given is None or isinstance(given, str):
            continue
        at = value.__struct_fields__.index(name)
        path = f".{value.__struct_encode_fields__[at]}"
        text = amount_text(given)
        if not isinstance(text, str):
            raise ValueError(f"{path}: Input should be a valid string")  # noqa: TRY004
        if len(text) > AMOUNT_LENGTH:
            raise ValueError(f"{path}: String should have at most {AMOUNT_LENGTH} characters")
        force_setattr(value, name, text)


def keep_readable(value: Value, **sizes: int) -> None:
    """Make these texts readable and truncate them to these sizes, while a value is made."""
    for name, size in sizes.items():
        given = getattr(value, name)
        if isinstance(given, str) and (text := readable(given, size)) is not given:
            force_setattr(value, name, text)
