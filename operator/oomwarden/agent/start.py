"""The entry point of `oomwarden-agent`: runs before any large module is imported."""

import os

from oomwarden.agent.runtime.identity import record_identity
from oomwarden.kernel.thp import disable_huge_pages


def main() -> None:
    """Disable huge pages for the process, store which pod this is, then run the agent."""
    disable_huge_pages()
    problem = record_identity(os.environ)
    from oomwarden.agent.main import main as run  # noqa: PLC0415 - not before huge pages are off

    run(problem)
