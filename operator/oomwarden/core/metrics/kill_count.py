"""An increase of a counter of kills, which is stored with the record of the kill."""

from typing import NamedTuple

from oomwarden.core.metrics.counter_series import LabelValues
from oomwarden.core.metrics.families.containers import OOM_KILLS, OOM_VICTIMS, PROTECTED_OOM_KILLS
from oomwarden.core.metrics.family import Family

KILL_FAMILIES = (OOM_KILLS, OOM_VICTIMS, PROTECTED_OOM_KILLS)
"""The counters that outlive the agent's process."""


class KillCount(NamedTuple):
    """An increase of a counter.

    Attributes:
        family: One of KILL_FAMILIES.
        labels: The values of its labels.
        by: The increase.
    """

    family: Family
    labels: LabelValues
    by: int
