"""The entry point of `oomwarden-agent`: runs before any large module is imported."""

import os
import sys
from types import ModuleType

from oomwarden.agent.runtime.identity import record_identity
from oomwarden.kernel.thp import disable_huge_pages


def main() -> None:
    """Disable huge pages for the process, store which pod this is, then run the agent."""
    disable_huge_pages()
    problem = record_identity(os.environ)
    leave_out_unused_modules()
    from oomwarden.agent.main import main as run  # noqa: PLC0415 - not before huge pages are off

    run(problem)


def leave_out_unused_modules() -> None:
    """Leave out what only msgspec would import: together 1.3 MiB, and an agent uses none of it.

    In place of `typing_extensions`, msgspec takes `typing`. From the module of JSON schemas it only
    passes two names on (msgspec 0.23, msgspec/json.py), which are None here.
    """
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    schemas = ModuleType("msgspec._json_schema")
    vars(schemas).update(schema=None, schema_components=None)
    for each in (schemas, ModuleType("msgspec.inspect")):
        sys.modules[each.__name__] = each
