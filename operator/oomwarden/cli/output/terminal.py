"""Standard output and error of a person or a pipe."""

import sys

from oomwarden.cli.errors import FAILED


def visible(text: object) -> str:
    """Return a text of tenants on one line: what is not printable is escaped as in Python."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(text)
    )


def fail(sentence: str, code: int = FAILED) -> int:
    """Print a sentence on stderr as kubectl does, and return the exit code."""
    sys.stderr.write(f"error: {visible(sentence)}\n")
    return code
