"""How all agents of a cluster enforce policies."""

from enum import StrEnum


class EnforcementMode(StrEnum):
    """The mode of all agents in the cluster, set by the ConfigMap oomwarden-control."""

    ENFORCE = "Enforce"
    PAUSE = "Pause"
    RELEASE = "Release"
