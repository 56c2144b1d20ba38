"""How fast statuses of policies are written, and what happens while the API server refuses them."""

from msgspec import Struct, field

from oomwarden.core.policy.policy import PolicyKey

INTERVAL_SECONDS = 3.0
"""Least time between two writes of one policy's status. With the debounce and the turns of other
policies, a status follows the last report within five seconds."""
PER_SECOND = 25.0
"""Writes of all policies together. A hundred policies that change all the time, on all nodes, take
25 writes a second, as do thousands, each of which then waits longer."""
MAX_FAILING = 3
"""Policies whose writes fail in a row until the others are not tried either."""
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 5.0, 60.0


class WritePace(Struct):
    """When which policy's status may be written. Times are seconds of any one clock."""

    _written: dict[PolicyKey, float] = field(default_factory=dict)
    _failing: set[PolicyKey] = field(default_factory=set)
    _pause: float = MIN_PAUSE_SECONDS

    def seconds_until_due(self, policy: PolicyKey, now: float) -> float:
        """Return how long a policy has to wait after its last write."""
        return max(self._written.get(policy, now - INTERVAL_SECONDS) + INTERVAL_SECONDS - now, 0.0)

    def record_write(self, policy: PolicyKey, now: float) -> None:
        """Record that a status was written."""
        self._failing.clear()
        self._pause = MIN_PAUSE_SECONDS
        self._written.pop(policy, None)
        self._written[policy] = now  # the last one: the dict is ordered by time
        for each, at in list(self._written.items()):
            if now - at < INTERVAL_SECONDS:
                break
            del self._written[each]

    def record_failure(self, policy: PolicyKey, retry_after: float) -> float:
        """Record a failure that is not the policy's own.

        Args:
            policy: The policy.
            retry_after: The seconds for which the API server asks to wait.

        Returns:
            The seconds for which nothing is to be written; 0: other policies may be tried.
        """
        self._failing.add(policy)
        if len(self._failing) < MAX_FAILING and not retry_after:
            return 0.0
        self._failing.clear()
        pause, self._pause = self._pause, min(self._pause * 2, MAX_PAUSE_SECONDS)
        return max(pause, min(retry_after, MAX_PAUSE_SECONDS))
