"""Responses to OOM kills by namespace and reason, for a bounded number of namespaces."""

from msgspec import Struct, field

from oomwarden.core.metrics.counter_series import CounterSeries
from oomwarden.core.metrics.exposition import Sample

MAX_NAMESPACES = 200
IDLE_SECONDS = 3600.0
"""Time without a response after which a namespace makes room for another one."""
MAX_REASONS = 50
"""Of one namespace; there are some 30 in all."""
OTHERS = ""
"""Stands for the namespaces without room."""


class ResponseCounts(Struct):
    """Counts responses. Times are seconds of any steady clock."""

    _series: CounterSeries = field(
        default_factory=lambda: CounterSeries((MAX_NAMESPACES + 1) * MAX_REASONS)
    )
    _last: dict[str, float] = field(default_factory=dict)

    def add(self, namespace: str, reason: str, now: float) -> None:
        """Count a response."""
        if namespace not in self._last and len(self._last) >= MAX_NAMESPACES:
            self._forget_idle(now)
        if namespace in self._last or len(self._last) < MAX_NAMESPACES:
            self._last[namespace] = now
            self._series.add((namespace, reason), now)
        else:
            self._series.add((OTHERS, reason), now)

    def samples(self, now: float) -> list[Sample]:
        """Return a series for each namespace and reason."""
        return self._series.samples(now)

    def _forget_idle(self, now: float) -> None:
        idle = {name for name, last in self._last.items() if now - last > IDLE_SECONDS}
        if idle:
            self._last = {name: last for name, last in self._last.items() if name not in idle}
            self._series.forget(lambda labels: labels[0] in idle)
