"""The annotations of the generated types."""

from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from oomwarden.api.models.base import Model

from tools.value_types.checks import Checks, TypeGenerationError, checks_of
from tools.value_types.sources import PREFIX, generated, modules

VALUES = f"{PREFIX}codec.values"
_NONE = Checks()
Reference = tuple[str, str]
"""A name: the module that has it, and the name."""


class Part(NamedTuple):
    """A piece of a module, and the names it needs."""

    text: str
    uses: frozenset[Reference] = frozenset()


@cache
def _aliases() -> dict[int, Reference]:
    """Return the names of annotated types with checks that msgspec can express, by their ids."""
    found: dict[int, Reference] = {}
    for module in modules():
        source = Path(str(module.__file__)).read_text()
        for name, kind in vars(module).items():
            if get_origin(kind) is Annotated and f"\n{name} = " in source and _is_kept(kind):
                found[id(kind)] = (generated(module.__name__), name)
    return found


def _is_kept(kind: Any) -> bool:  # noqa: ANN401 - any annotation
    checks = checks_of(kind.__metadata__)
    return bool(checks.meta) and checks.size is None and not checks.amount


def own_aliases(module: ModuleType) -> list[tuple[Any, str]]:
    """Return the annotated types that a module defines, with their names."""
    home = generated(module.__name__)
    here = {name for where, name in _aliases().values() if where == home}
    return [(kind, name) for name, kind in vars(module).items() if name in here]


def definition(alias: tuple[Any, str]) -> Part:
    """Return the definition of an annotated type."""
    kind, name = alias
    part = _with_meta(_plain(kind.__origin__), checks_of(kind.__metadata__))
    return Part(f"{name} = {part.text}\n", part.uses)


def type_of(hint: Any, checks: Checks) -> Part:  # noqa: ANN401 - any annotation
    """Return an annotation; `checks` of the field apply to what is not None."""
    choices = choices_of(hint)
    parts = [Part("None") if each is NoneType else _annotated(each, checks) for each in choices]
    uses = frozenset().union(*(part.uses for part in parts))
    return Part(" | ".join(part.text for part in parts), uses)


def choices_of(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    """Return X and Y of `X | Y`."""
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def _annotated(hint: Any, of_field: Checks = _NONE) -> Part:  # noqa: ANN401 - any annotation
    if get_origin(hint) is not Annotated:
        return _with_meta(_plain(hint), of_field)
    checks = checks_of(hint.__metadata__)
    if checks.amount:
        return Part("WrittenAmount", frozenset({(VALUES, "WrittenAmount")}))
    if checks.size is not None or not checks.meta:
        return _plain(hint.__origin__)
    if id(hint) not in _aliases():
        return _with_meta(_plain(hint.__origin__), checks)
    if of_field.meta not in {(), checks.meta}:
        raise TypeGenerationError(f"a field narrows {_aliases()[id(hint)][1]}")
    return _named(_aliases()[id(hint)])


def _with_meta(kind: Part, checks: Checks) -> Part:
    if not checks.meta:
        return kind
    meta = ", ".join(f"{name}={_literal(value)}" for name, value in checks.meta)
    uses = kind.uses | {("typing", "Annotated"), ("msgspec", "Meta")}
    return Part(f"Annotated[{kind.text}, Meta({meta})]", uses)


def _plain(hint: Any) -> Part:  # noqa: ANN401 - any annotation
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple:
        item = _annotated(args[0])
        return Part(f"tuple[{item.text}, ...]", item.uses)
    if origin is dict:
        key, item = map(_annotated, args)
        return Part(f"dict[{key.text}, {item.text}]", key.uses | item.uses)
    if hint in {bool, int, str}:
        return Part(hint.__name__)
    if isinstance(hint, type) and issubclass(hint, (Model, Enum)):
        return _named(reference(hint))
    raise TypeGenerationError(f"{hint}: a generated type has no such field")


def reference(kind: type) -> Reference:
    """Return what a module imports to use a type."""
    return generated(kind.__module__), kind.__name__


def _named(reference: Reference) -> Part:
    return Part(reference[1], frozenset({reference}))


def _literal(value: object) -> str:
    if isinstance(value, str) and "\\" in value:
        return f'r"{value}"'
    return repr(value)
