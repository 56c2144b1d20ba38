"""The score that the runtime gave each container, and the values of ours: saved before a write."""

import json
from dataclasses import dataclass, field

from oomwarden.agent.baselines.own_scores import OwnScoreBaselines
from oomwarden.agent.baselines.rows import Inodes, PersistedByContainer, Table
from oomwarden.agent.informers.inventory import Container
from oomwarden.agent.store.database import Database
from oomwarden.api.policy import SCORE_MIN
from oomwarden.core.enforcement.plan import Baseline, ScanOutcome, ScorePlan


def _columns(baseline: Baseline) -> tuple[int | None, str]:
    return baseline.value, json.dumps(sorted(baseline.ours))


def _value(value: int | None, ours: str) -> Baseline:
    return Baseline(value, frozenset(json.loads(ours)))


TABLE = Table("baselines", ("baseline", "ours"), _columns, _value)


@dataclass(slots=True)
class Baselines:
    """The baseline of each container.

    `store_lost`: an earlier store of this node is gone, and its values may be in place, so that
    what containers older than this store hold tells nothing of what the runtime gave;
    `loss_forgotten`: the next agent need not doubt that any more.
    """

    store: Database
    boot_id: str
    store_lost: bool = field(init=False, default=False)
    loss_forgotten: bool = field(init=False, default=False)
    own: OwnScoreBaselines = field(init=False)
    _rows: PersistedByContainer[Baseline] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = PersistedByContainer(self.store, self.boot_id, TABLE)
        self.own = OwnScoreBaselines(self.store, self.boot_id)

    async def load(self, *, store_lost: bool) -> None:
        """Read what is known of this boot; the rows of others are deleted."""
        self.store_lost = store_lost
        await self.own.load()
        await self._rows.load()

    def get(self, container: Container) -> Baseline | None:
        """Give what is known of a container."""
        return self._rows.get(container)

    def learn(self, container: Container, score: int) -> None:
        """Take the score of a container's first process, when nothing is known of it yet."""
        if self.get(container) is None:
            self.put(container, self._judge(container, score))

    def _judge(self, container: Container, score: int) -> Baseline:
        if score < SCORE_MIN:
            return Baseline(None)
        if container.existed and self.store_lost:
            return Baseline(None, frozenset({score}))
        return Baseline(score)

    def put(self, container: Container, baseline: Baseline) -> None:
        """Change what is known; it is written at the next `save`."""
        self._rows.put(container, baseline)

    def forget_loss(self) -> None:
        """Note that the next agent need not doubt any more what containers hold."""
        self.loss_forgotten = True

    def settle(self, container: Container, order: ScorePlan, outcome: ScanOutcome) -> bool:
        """Forget the older values of ours once no process holds one; after a put-back, all.

        Tells whether something was forgotten.
        """
        baseline = self.get(container)
        if baseline is None or outcome.desired != order.desired or not outcome.whole:
            return False
        settled = baseline.settled(*order.values)
        if settled != baseline:
            self.put(container, settled)
        return settled != baseline

    def is_saved(self, container: Container) -> bool:
        """Whether what is known of a container is on the disk."""
        return self._rows.get(container) is not None and self._rows.is_saved(container)

    async def save(self) -> None:
        """Write what changed, in one transaction.

        Raises:
            sqlite3.Error: nothing was written.
        """
        await self.own.save()
        await self._rows.save()

    def keep_only(self, live: Inodes) -> None:
        """Forget the containers that are gone."""
        self.own.keep_only(live)
        self._rows.keep_only(live)

    def applied(self) -> frozenset[int]:
        """Give the containers in which values of ours are, or may be, in place."""
        ours = (inode for inode, baseline in self._rows if _holds_ours(baseline))
        return frozenset(ours) | self.own.applied()


def _holds_ours(baseline: Baseline) -> bool:
    """With an unknown baseline the first of `ours` is what was found, not what was written."""
    return len(baseline.ours) > (baseline.value is None)
