"""What is wanted: every live container, and the plan that the policies make for it.

The steps, in order: drop the containers that are gone -> evaluate the policies for each of the
others -> plan its scores for the current mode. Nothing is read from or written to the kernel here.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct, field

from oomwarden.agent.baselines.rows import Inodes
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.enforcement.evaluator import Evaluator
from oomwarden.agent.enforcement.governing import GoverningPolicies
from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.informers.cluster_view import ClusterView
from oomwarden.agent.informers.inventory import Container
from oomwarden.core.enforcement.plan import Baseline, ScorePlan, plan_scores
from oomwarden.core.enforcement.scoring import Target
from oomwarden.core.model.mode import EnforcementMode


class Baselined(Protocol):
    """What is kept on disk for each container."""

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""


class Tracker(Struct):
    """Keeps one TrackedContainer for each live container.

    Attributes:
        view: What the API server has said.
        evaluator: Evaluates the policies for a container.
        baselines: The score that the runtime gave each container.
        kept: What else is kept for each container until it is gone.
        governing: Which policy governs, or governed, each container.
        containers: By cgroup inode.
        version: Rises when decisions, or the containers, are others than before.
        planned: Those with a plan, as of the last update: what costs something while nothing
            happens.
    """

    view: ClusterView
    evaluator: Evaluator
    baselines: Baselines
    kept: Sequence[Baselined]
    governing: GoverningPolicies = field(default_factory=GoverningPolicies)
    containers: dict[int, TrackedContainer] = field(default_factory=dict)
    version: int = 0
    planned: Sequence[TrackedContainer] = ()

    @property
    def mode(self) -> EnforcementMode | None:
        """The current mode; None before the API server has answered once."""
        return self.view.mode.mode

    def update(self, now: float) -> None:
        """Evaluate the live containers for which something has changed.

        Args:
            now: Event-loop time in seconds.
        """
        live, staying = self.view.inventory.containers, self.view.inventory.retained()
        for kept in (self.baselines, *self.kept):
            kept.keep_only(staying)
        self.governing.keep_only(live)
        known = len(self.containers)
        self.containers = {i: each for i, each in self.containers.items() if i in live}
        self.version += len(self.containers) != known
        shared = (self.evaluator.versions, self.view.synced, self.mode)
        pods, rows = self.view.inventory.pods, self.baselines.rows
        own = self.baselines.own.rows
        for inode, container in live.items():
            if (row := rows.get(inode)) is None:
                continue
            pod = pods.get(container.cgroup.pod_uid or "")
            found = (container, pod, container.name, row, own.get(inode), shared)
            tracked = self.containers.get(inode)
            if tracked is None or tracked.looked_at != found:
                self._look(container, shared, found, now)
        self.planned = [each for each in self.containers.values() if each.plan is not None]

    def _look(
        self,
        container: Container,
        shared: tuple[object, ...],
        found: tuple[object, ...],
        now: float,
    ) -> None:
        """Evaluate a container if what a decision follows from has changed."""
        inode, baseline = container.cgroup.inode, self.baselines.get(container)
        if baseline is None:
            return
        tracked = self.containers.get(inode)
        if tracked is None or tracked.container is not container:
            tracked = self.containers[inode] = TrackedContainer(container)
        pod, own = self.view.inventory.pod(container.cgroup), self.baselines.own.has(container)
        basis = (pod, container.name, baseline, own, *shared)
        if tracked.basis != basis:
            decided = self._evaluate(tracked, baseline, now)
            tracked.basis = basis if decided else None
            self.version += 1
        tracked.looked_at = found if tracked.basis is not None else None

    def _evaluate(self, tracked: TrackedContainer, baseline: Baseline, now: float) -> bool:
        """Evaluate a container; return whether all that a decision needs is known."""
        container = tracked.container
        fresh = self.evaluator.decide(container, baseline, tracked.decision)
        if self.view.synced and fresh is not None:
            tracked.decision = fresh
            self.governing.remember(container.cgroup.inode, fresh, baseline, self.mode)
        tracked.set_plan(self._plan(tracked, baseline, decided=fresh is not None), now)
        return fresh is not None

    def live(self, only: Iterable[int] | None = None) -> list[TrackedContainer]:
        """List the tracked containers that have not been removed since the last update.

        Args:
            only: The containers, by inode, of which those are listed; None: all.
        """
        live, tracked = self.view.inventory.containers, self.containers
        return [
            tracked[i] for i in (tracked if only is None else only) if i in live and i in tracked
        ]

    def lowers_scores(self) -> bool:
        """Return whether a plan sets a score below that of the runtime."""
        known = ((each, self.baselines.get(each.container)) for each in self.planned)
        return any(
            one.value is None or min(each.plan.values, default=one.value) < one.value
            for each, one in known
            if each.plan is not None and one is not None
        )

    def enforced_processes(self) -> int:
        """Count the processes that hold a score set by oomwarden."""
        known = self.baselines.get
        tracked = self.containers.values()
        return sum(each.enforced_processes(known(each.container)) for each in tracked)

    def _plan(
        self, tracked: TrackedContainer, baseline: Baseline, *, decided: bool
    ) -> ScorePlan | None:
        """Leave everything as it is while the mode or the policies are not known."""
        mode = self.mode
        if mode is None or (mode is EnforcementMode.ENFORCE and not (self.view.synced and decided)):
            return None
        target = tracked.decision.evaluation.target if tracked.decision else Target()
        own = self.baselines.own.has(tracked.container)
        return plan_scores(target.score, baseline, mode, target.processes, own=own)
