"""Text for people in the width of their terminal."""

import shutil
import textwrap

from oomwarden.cli.output.terminal import visible

_WIDEST = 100


def paragraph(text: str, first: str = "", rest: str | None = None) -> str:
    """Return a text of tenants or of ours, wrapped and with control characters escaped.

    Args:
        text: The text.
        first: What its first line begins with.
        rest: What the others begin with; as many spaces if it is None.
    """
    following = " " * len(first) if rest is None else rest
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    lines = textwrap.wrap(
        visible(text),
        max(width, len(following) + 20),
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines) + "\n" if lines else f"{first.rstrip()}\n"
