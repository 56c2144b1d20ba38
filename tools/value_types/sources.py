"""The modules of the models, and their classes."""

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from oomwarden.api import models
from oomwarden.api.models.base import Model

PREFIX = "oomwarden.api."
SOURCE = f"{PREFIX}models."


@cache
def modules() -> tuple[ModuleType, ...]:
    """Return the modules of the models."""
    folder = Path(next(iter(models.__path__)))
    paths = sorted(folder.rglob("*.py"))
    names = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
    return tuple(
        import_module(SOURCE + name.replace("/", "."))
        for name in names
        if not name.endswith("__init__")
    )


def classes(module: ModuleType) -> list[type[Model]]:
    """Return the models that a module defines, in order."""
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Model)
        and each is not Model
        and each.__module__ == module.__name__
    ]


def generated(name: str) -> str:
    """Return the name of the generated module for the name of a module."""
    return name.replace(SOURCE, PREFIX)
