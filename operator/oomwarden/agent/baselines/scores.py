"""The score that the runtime gave each container, saved before oomwarden writes another one."""

import json
from dataclasses import dataclass, field

from oomwarden.agent.baselines.own_scores import OwnScoreBaselines
from oomwarden.agent.baselines.rows import Inodes, PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.api.vocabulary import SCORE_MIN
from oomwarden.core.enforcement.plan import Baseline, ScanOutcome, ScorePlan


def _columns(baseline: Baseline) -> tuple[int | None, str]:
    return baseline.value, json.dumps(sorted(baseline.written))


def _value(value: int | None, ours: str) -> Baseline:
    return Baseline(value, frozenset(json.loads(ours)))


TABLE = Table("baselines", ("baseline", "ours"), _columns, _value)


@dataclass(slots=True)
class Baselines(PersistedByContainer[Baseline]):
    """The baseline of each container, and the values that oomwarden has written there.

    Attributes:
        store_lost: An earlier store of this node is gone, and its values may be in place. What
            containers older than this store hold then proves nothing about the runtime's score.
        loss_forgotten: The next agent need not distrust them any more.
        own: The scores that processes had given themselves.
    """

    table = TABLE
    store_lost: bool = field(init=False, default=False)
    loss_forgotten: bool = field(init=False, default=False)
    own: OwnScoreBaselines = field(init=False)

    def __post_init__(self) -> None:
        self.own = OwnScoreBaselines(self.store, self.boot_id)

    async def begin(self, *, store_lost: bool) -> None:
        """Load what is known of this boot; the rows of others are deleted."""
        self.store_lost = store_lost
        await self.own.load()
        await self.load()

    def learn(self, container: Container, score: int) -> None:
        """Keep the score of a container's first process, when nothing is known of it yet."""
        if self.get(container) is None:
            self.put(container, self._baseline(container, score))

    def _baseline(self, container: Container, score: int) -> Baseline:
        if score < SCORE_MIN:
            return Baseline(None)
        if container.existed and self.store_lost:
            return Baseline(None, frozenset({score}))
        return Baseline(score)

    def forget_loss(self) -> None:
        """Note that the next agent need not distrust what containers hold."""
        self.loss_forgotten = True

    def settle(self, container: Container, order: ScorePlan, outcome: ScanOutcome) -> bool:
        """Forget older values once no process holds one; after a put-back, all of them.

        Returns:
            Whether something was forgotten.
        """
        baseline = self.get(container)
        if baseline is None or outcome.desired != order.desired or not outcome.fully_applied:
            return False
        settled = baseline.settled(*order.values)
        if settled != baseline:
            self.put(container, settled)
        return settled != baseline

    def is_saved(self, container: Container) -> bool:
        """Return whether a container's baseline is known and on the disk."""
        # Not super(): a dataclass with slots is another class than the one that it finds.
        known = self.get(container) is not None
        return known and PersistedByContainer.is_saved(self, container)

    async def save_all(self) -> None:
        """Write what changed, here and in `own`.

        Raises:
            sqlite3.Error: not everything was written.
        """
        await self.own.save()
        await self.save()

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""
        self.own.keep_only(live)
        PersistedByContainer.keep_only(self, live)

    def applied(self) -> frozenset[int]:
        """Return the containers, by inode, in which oomwarden's values may be in place."""
        written = (inode for inode, baseline in self if _holds_ours(baseline))
        return frozenset(written) | self.own.applied()


def _holds_ours(baseline: Baseline) -> bool:
    """Return whether one was written: with an unknown baseline the first of `written` was found."""
    return len(baseline.written) > (baseline.value is None)
