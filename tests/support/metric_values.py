"""Values of the operator's metrics, for tests."""

from oomwarden.core.metrics.exposition import Sample
from oomwarden.core.metrics.families.operator import RECONCILE_DURATION, RESPONSES
from oomwarden.core.metrics.operator_counts import OperatorCounts, OperatorState

NOTHING = OperatorState({}, None, None, 0, 0)


def durations(counts: OperatorCounts) -> dict[str, float]:
    """Return how many attempts were timed, by queue."""
    samples = dict(counts.families(NOTHING))[RECONCILE_DURATION]
    return {each.labels[0]: each.value for each in samples if each.suffix == "_count"}


def responses(counts: OperatorCounts) -> list[Sample]:
    """Return the counted responses."""
    return list(dict(counts.families(NOTHING))[RESPONSES])
