"""The one mode of all agents of a cluster."""

from enum import StrEnum


class EnforcementMode(StrEnum):
    """The one switch of all agents."""

    ENFORCE = "Enforce"
    PAUSE = "Pause"
    RELEASE = "Release"
