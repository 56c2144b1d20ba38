"""The one mode of all agents of a cluster."""

from enum import StrEnum


class Switch(StrEnum):
    """The one switch of all agents."""

    ENFORCE = "Enforce"
    PAUSE = "Pause"
    RELEASE = "Release"
