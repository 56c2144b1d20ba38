"""Counters with labels, of which PromQL's increase() misses no event.

A counter that appears with the value 1 has not increased, as PromQL sees it: increase() compares
the values of a series with each other. So a new series shows 0 until it was surely scraped.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from oomwarden.core.metrics.exposition import Sample

ZERO_SECONDS = 65.0
"""How long a new series shows 0: Prometheus scrapes at least once a minute by default."""

LabelValues = tuple[str, ...]
"""The values of a family's labels, in their order."""


class _Series(Struct, gc=False):
    count: int
    begun: float


class CounterSeries(Struct):
    """The series of one counter. Times are seconds of any steady clock.

    Attributes:
        max_series: How many series are kept; others are left out.
        left_out: Events that were not counted, because there were too many series.
    """

    max_series: int
    left_out: int = 0
    _series: dict[LabelValues, _Series] = field(default_factory=dict)

    def begin(self, labels: LabelValues, now: float) -> None:
        """Begin a series at 0, if it has not begun."""
        if labels not in self._series and len(self._series) < self.max_series:
            self._series[labels] = _Series(0, now)

    def add(self, labels: LabelValues, now: float, by: int = 1) -> None:
        """Count events; the first one begins the series."""
        self.begin(labels, now)
        if series := self._series.get(labels):
            series.count += by
        else:
            self.left_out += by

    def restore(self, counts: Mapping[LabelValues, int]) -> None:
        """Continue the series that an earlier process has shown: they are not new."""
        for labels, count in counts.items():
            if len(self._series) < self.max_series:
                self._series[labels] = _Series(count, float("-inf"))

    def forget(self, is_gone: Callable[[LabelValues], bool]) -> None:
        """End series."""
        for labels in [each for each in self._series if is_gone(each)]:
            del self._series[labels]

    def samples(self, now: float) -> list[Sample]:
        """Return what Prometheus sees now."""
        return [
            Sample(labels, each.count if now - each.begun >= ZERO_SECONDS else 0)
            for labels, each in self._series.items()
        ]
