"""The caps of a node: processes changed in a second, running pods newly touched in a minute.

A policy that selects too much then takes minutes, in which someone can see and stop it. Containers
that start under a policy are not held back: the kubelet paces their starts, and their score has to
be set before their program runs. Putting scores back is bounded by processes a second alone.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.token_bucket import TokenBucket
from oomwarden.core.model.remark import Remark

STARTING_SECONDS = 30.0
"""How long a container that was seen to appear counts as starting."""


@dataclass(slots=True)
class Caps:
    """Counts what was changed; 0 of either number means no cap.

    Attributes:
        processes_per_second: Processes that may be changed in a second.
        new_pods_per_minute: Running pods that may be touched for the first time in a minute.
        now: Returns event-loop time in seconds.
    """

    processes_per_second: int
    new_pods_per_minute: int
    now: Callable[[], float] = time.monotonic
    _processes: TokenBucket = field(init=False)
    _pods: TokenBucket = field(init=False)
    _touched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._processes = TokenBucket(self.processes_per_second, 1.0)
        self._pods = TokenBucket(self.new_pods_per_minute, 60.0)

    def admit(
        self, due: Iterable[TrackedContainer], baselines: Baselines
    ) -> list[TrackedContainer]:
        """Return the containers that may be scanned now, in order; the others are deferred."""
        return [tracked for tracked in due if self._is_admitted(tracked, baselines)]

    def available(self) -> int | None:
        """Return how many processes may be changed now; None: any number."""
        return self._processes.available(self.now())

    def spend(self, changed: int) -> None:
        """Count processes that were changed."""
        self._processes = self._processes.spend(changed, self.now())

    def keep_only(self, live: Iterable[str]) -> None:
        """Forget the pods that are gone."""
        self._touched &= set(live)

    def _is_admitted(self, tracked: TrackedContainer, baselines: Baselines) -> bool:
        if not self._is_new(tracked, baselines):
            return True
        wait = self._touch(tracked.container)
        if wait > 0:
            tracked.defer(self.now() + wait, self._waiting())
        return not wait

    def take_turn(self, container: Container) -> Remark | None:
        """Spend a turn on a change of something else, such as a limit; return why it must wait."""
        if self._is_starting(container) or not self._touch(container):
            return None
        return self._waiting()

    def _touch(self, container: Container) -> float:
        """Spend a pod's turn; return the seconds until it has one, 0 where it has."""
        pod, now = container.cgroup.pod_uid or "", self.now()
        wait = 0.0 if pod in self._touched else self._pods.seconds_until_next(now)
        if pod not in self._touched and not wait:
            self._pods = self._pods.spend(1, now)
            self._touched.add(pod)
        return wait

    def _is_new(self, tracked: TrackedContainer, baselines: Baselines) -> bool:
        """Return whether a running container would be touched for the first time."""
        baseline, order = baselines.get(tracked.container), tracked.plan
        if baseline is None or order is None or baseline.written - {baseline.value}:
            return False
        starting = self._is_starting(tracked.container)
        return not starting and bool(order.values - {baseline.value})

    def _is_starting(self, container: Container) -> bool:
        return not container.existed and self.now() - container.seen < STARTING_SECONDS

    def _waiting(self) -> Remark:
        what = (
            "This pod waits for its turn: of running pods, a node newly touches no more than "
            f"{self.new_pods_per_minute} a minute (agent.caps.newPodsPerMinute of the chart)."
        )
        return Remark("Waiting", what)
