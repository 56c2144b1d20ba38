"""How all agents of a cluster enforce policies."""

from enum import StrEnum

MODE_CONFIGMAP = "oomwarden-control"
"""The ConfigMap in the release's namespace that has the mode."""


class EnforcementMode(StrEnum):
    """The mode of all agents in the cluster, set by `MODE_CONFIGMAP`."""

    ENFORCE = "Enforce"
    PAUSE = "Pause"
    RELEASE = "Release"
