"""Which agents report, whatever the clocks of their nodes show.

A node's clock may be off by minutes, so heartbeats are never compared with another clock: an agent
reports if its heartbeat changes. When that happened is known by the API server's clock for a list,
and by the operator's for a watch.
"""

from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

SILENT_AFTER = timedelta(minutes=11)
"""Two heartbeats of 5 minutes and a delay."""
MAX_PAUSE_SECONDS = 90.0
"""The API server responds to a watch about once a minute. Time without any response is not counted:
the operator hears of no agent, so it must not judge them."""
_SILENT_SECONDS = SILENT_AFTER.total_seconds()


class Heartbeats(Struct):
    """The last heartbeat of each node's agent.

    Times are seconds of any one monotonic clock.
    """

    _changed: dict[str, tuple[str, float]] = field(default_factory=dict)
    _listened: float = 0.0
    _last_response: float | None = None

    def hear(self, now: float) -> None:
        """Note that the API server has responded to the list or watch."""
        self._listened, self._last_response = self._time(now), now

    def _time(self, now: float) -> float:
        """Return for how long the operator has listened so far."""
        since = 0.0 if self._last_response is None else now - self._last_response
        return self._listened + min(max(since, 0.0), MAX_PAUSE_SECONDS)

    def record(self, node: str, heartbeat: str, now: float, age: float | None = None) -> None:
        """Record what an OOMNode says.

        Args:
            node: The node's name.
            heartbeat: The heartbeat in its status; empty if it has none.
            now: The time.
            age: Seconds since the status was written, by the API server's clock; None: not known.
        """
        known = self._changed.get(node)
        if age is not None:
            self._changed[node] = (heartbeat, self._time(now) - max(age, 0.0))
        elif known is None or known[0] != heartbeat:
            self._changed[node] = (heartbeat, self._time(now))

    def forget(self, node: str) -> None:
        """Forget a node that is gone."""
        self._changed.pop(node, None)

    def silent(self, now: float) -> frozenset[str]:
        """Return the nodes whose agents have stopped reporting, or have never reported."""
        oldest = self._time(now) - _SILENT_SECONDS
        return frozenset(
            node for node, (beat, at) in self._changed.items() if not beat or at < oldest
        )

    def __len__(self) -> int:
        return len(self._changed)


def is_silent(heartbeat: str, now: datetime) -> bool:
    """Return whether an agent with this last heartbeat has stopped reporting.

    Args:
        heartbeat: In RFC 3339, by the clock that also shows `now`.
        now: The time.
    """
    try:
        seen = datetime.fromisoformat(heartbeat)
    except ValueError:
        return True
    return now - _aware(seen) > SILENT_AFTER


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
