"""The first lines of `oomwarden-agent`: what has to be done before anything takes memory."""

import os

from oomwarden.agent.runtime.identity import introduce
from oomwarden.kernel.thp import disable_huge_pages


def main() -> None:
    """Refuse huge pages, store which pod this is, then run the agent."""
    disable_huge_pages()
    introduce(os.environ)
    from oomwarden.agent.main import main as run  # noqa: PLC0415 - its imports take small pages

    run()
