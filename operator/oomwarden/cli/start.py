"""The entry points of the distribution; they work without the extra `cli`, to name it."""

import sys
from importlib.util import find_spec

_NEEDED = ("typer", "rich", "yaml", "kubernetes")
_MISSING = "error: kubectl oom is not installed completely; run: pipx install 'oomwarden[cli]'"


def main() -> None:
    """Run `kubectl oom`."""
    _require_extra()
    from oomwarden.cli.main import run  # noqa: PLC0415 - needs the extra

    sys.exit(run())


def complete() -> None:
    """Answer kubectl, which asks `kubectl_complete-oom` for completions of `kubectl oom`."""
    _require_extra()
    from oomwarden.cli.kubectl_completion import main as answer  # noqa: PLC0415 - needs the extra

    answer(sys.argv[1:])


def _require_extra() -> None:
    if not all(find_spec(name) for name in _NEEDED):
        sys.exit(_MISSING)
