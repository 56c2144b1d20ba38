"""Modules that libraries import and an agent does not use: they are loaded at their first use."""

import sys
from importlib import import_module
from types import ModuleType

UNUSED = ("yaml",)
"""lightkube parses a kubeconfig with it. An agent has a ServiceAccount instead, and 1 MiB less."""


class ModuleOnDemand(ModuleType):
    """Stands for a module until something of it is read; `importlib.util.LazyLoader` cannot.

    Python 3.11 reads `__spec__` at each import statement, at which LazyLoader loads the module.
    """

    def __getattr__(self, name: str) -> object:
        """Load the module, and return what it has under this name."""
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_later(*names: str) -> None:
    """Let imports of these modules succeed without loading them, unless they are loaded."""
    for name in names:
        sys.modules.setdefault(name, ModuleOnDemand(name))
