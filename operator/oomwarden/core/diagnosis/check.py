"""One thing that must work, whether it does, and what to do if not."""

from enum import StrEnum

from msgspec import Struct


class Result(StrEnum):
    """What became of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Group(StrEnum):
    """What checks are about, in the order of the output."""

    INSTALLATION = "installation"
    NODES = "nodes"
    RIGHTS = "rights"


class Check(Struct, frozen=True):
    """A check and its result.

    Attributes:
        group: What it is about.
        name: What was checked; of a node its name.
        result: Its result.
        message: What was found.
        remedy: What to do; empty if nothing.
    """

    group: Group
    name: str
    result: Result
    message: str
    remedy: str = ""


def installed(name: str, result: Result, message: str, remedy: str = "") -> Check:
    """Return a check of the installation."""
    return Check(Group.INSTALLATION, name, result, message, remedy)


def listed(names: list[str], most: int = 5) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
