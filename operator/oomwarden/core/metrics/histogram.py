"""A histogram: how often a value was within each bound."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from msgspec import Struct, field

from oomwarden.core.metrics.exposition import Sample, number
from oomwarden.core.metrics.family import Family


class _Observed(Struct):
    counts: list[int]
    total: float = 0.0


class Histogram(Struct):
    """Counts observations of a family, for each combination of label values.

    Attributes:
        family: A family of type histogram, with its buckets.
    """

    family: Family
    _series: dict[tuple[str, ...], _Observed] = field(default_factory=dict)

    def begin(self, *labels: str) -> None:
        """Begin a series at 0, if it has not begun."""
        self._series.setdefault(labels, _Observed([0] * (len(self.family.buckets) + 1)))

    def observe(self, value: float, *labels: str) -> None:
        """Count one value, in the family's unit."""
        self.begin(*labels)
        series = self._series[labels]
        series.counts[bisect_left(self.family.buckets, value)] += 1
        series.total += value

    def samples(self) -> list[Sample]:
        """Return the samples of all series; buckets are cumulative."""
        return [
            each for labels, series in self._series.items() for each in self._of(labels, series)
        ]

    def _of(self, labels: tuple[str, ...], series: _Observed) -> Iterator[Sample]:
        bounds = (*map(number, self.family.buckets), "+Inf")
        *_, count = cumulative = list(accumulate(series.counts))
        for bound, below in zip(bounds, cumulative, strict=True):
            yield Sample(labels, below, "_bucket", bound)
        yield Sample(labels, series.total, "_sum")
        yield Sample(labels, count, "_count")
