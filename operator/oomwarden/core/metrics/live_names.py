"""Which containers have metrics: those that run, and for some time those that ran."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from oomwarden.core.metrics.counter_series import LabelValues

KEEP_SECONDS = 600.0
"""How long series outlive their container: longer than the range of most alerts."""
MAX_NAMES = 1024
"""Names of containers with metrics: four times a full node of 110 pods with two containers."""


class LiveNames(Struct):
    """The names of containers (namespace, pod, container), and when each was last seen.

    Attributes:
        max_names: How many are kept; the newest others are left out.
        left_out: How many running containers were left out at the last look.
    """

    max_names: int = MAX_NAMES
    left_out: int = 0
    _seen: dict[LabelValues, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many containers have metrics, those that have ended among them."""
        return len(self._seen)

    def look(self, running: AbstractSet[LabelValues], now: float) -> set[LabelValues]:
        """Note the containers that run; return the names whose time is over.

        Args:
            running: The names of all running containers.
            now: Seconds of a steady clock.
        """
        over = {
            name
            for name, seen in self._seen.items()
            if name not in running and now - seen >= KEEP_SECONDS
        }
        for name in over:
            del self._seen[name]
        self.left_out = sum(not self.admit(name, now) for name in sorted(running))
        return over

    def admit(self, name: LabelValues, now: float) -> bool:
        """Note a container; return whether it has metrics."""
        if name not in self._seen and len(self._seen) >= self.max_names:
            return False
        self._seen[name] = now
        return True

    def restore(self, names: Iterable[LabelValues], now: float) -> None:
        """Note the containers that an earlier process has shown."""
        for name in names:
            self.admit(name, now)

    def __contains__(self, name: LabelValues) -> bool:
        return name in self._seen
