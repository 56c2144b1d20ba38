"""Enforcement: what the policies say is true of the live processes, and put back when they go.

The steps, in order: wait for news or for the next scan -> drop the containers that are gone ->
decide on each container -> save what is about to be written -> write, round after round until
nothing new is found -> keep what came of it for OOMNode. Nothing is put back when the agent stops.
"""

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from oomwarden.agent.baselines.offsets import OffsetReferences
from oomwarden.agent.baselines.oom_group import GroupKillBaselines
from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.baselines.store_loss import forget_loss
from oomwarden.agent.enforcement.caps import Caps
from oomwarden.agent.enforcement.evaluator import Evaluator
from oomwarden.agent.enforcement.governing import GoverningPolicies
from oomwarden.agent.enforcement.group_kill import (
    DesiredGroupKills,
    GroupKillReconciler,
    desired_group_kills,
)
from oomwarden.agent.enforcement.policy_reports import ContainerReports
from oomwarden.agent.enforcement.quiet_scans import quiet
from oomwarden.agent.enforcement.resize_requests import ResizeRequests
from oomwarden.agent.enforcement.saving_scans import carry_out
from oomwarden.agent.enforcement.scanner import Scanner
from oomwarden.agent.enforcement.tracked import NOT_SAVED, TrackedContainer
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.informers.mode import ModeHandler
from oomwarden.agent.informers.namespaces import NamespaceCache
from oomwarden.agent.informers.node_labels import NodeLabels
from oomwarden.agent.informers.policies import PolicyCache, PolicyEventHandler
from oomwarden.agent.runtime.pace import ReconcilePacer
from oomwarden.agent.runtime.worker import KernelWorker
from oomwarden.api.oomkill import PolicyReference
from oomwarden.api.oomnode import Applied, PolicyReport
from oomwarden.core.enforcement.plan import Baseline, ScanOutcome, ScorePlan, plan_scores
from oomwarden.core.enforcement.scoring import Floor, Target
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.reporting.bounds import without_room
from oomwarden.core.reporting.policy_report import Warn, reports
from oomwarden.kernel.roots import HostRoots

RESCAN_SECONDS = 10.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class ScoreReconciler:
    """Owns one charge per container.

    `told` is called when `report` may give something new; `capacity` is the node's RAM in bytes.
    """

    inventory: Inventory
    baselines: Baselines
    places: HostRoots
    floor: Floor
    rescan: float = RESCAN_SECONDS
    worker: KernelWorker = field(default_factory=partial(KernelWorker, "enforce"))
    progress: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    told: Callable[[], None] = field(default=lambda: None)
    warn: Warn = field(default=lambda *_: ())
    cgroup_writes: bool = False
    caps: Caps = field(default_factory=partial(Caps, 0, 0))
    winners: GoverningPolicies = field(default_factory=GoverningPolicies)
    capacity: int = 0
    references: OffsetReferences = field(init=False)
    scans: Scanner = field(init=False)
    groups: GroupKillReconciler = field(init=False)
    limits: ResizeRequests = field(init=False)
    control: ModeHandler = field(init=False)
    book: PolicyCache = field(init=False)
    namespaces: NamespaceCache = field(init=False)
    node: NodeLabels = field(init=False)
    _decider: Evaluator = field(init=False)
    _items: ContainerReports = field(init=False)
    _charges: dict[int, TrackedContainer] = field(default_factory=dict)
    _hurried: int = 0
    _pace: ReconcilePacer = field(default_factory=ReconcilePacer)

    def __post_init__(self) -> None:
        self.scans = Scanner(lambda: self.worker, self.places)
        found = GroupKillBaselines(self.baselines.store, self.baselines.boot_id)
        self.groups = GroupKillReconciler(
            found, self.places.cgroups, self.cgroup_writes, self._wishes
        )
        self.limits = ResizeRequests(self.inventory, lambda: self.caps)
        self._items = ContainerReports(self.baselines, self.groups, self.limits)
        self.control = ModeHandler(self.news.set)
        self.book = PolicyCache(self.news.set)
        self.namespaces = NamespaceCache(self.news.set)
        self.node = NodeLabels(self.news.set)
        books = (self.book, self.namespaces, self.node)
        self.references = OffsetReferences(
            self.baselines.store, self.baselines.boot_id, self.capacity
        )
        self._decider = Evaluator(self.inventory, *books, self.floor, self.references)

    def policies(self, kind: str) -> PolicyEventHandler:
        """Give the sink for the watch of OOMPolicy or ClusterOOMPolicy."""
        return self.book.sink(kind)

    def winner_of(self, inode: int) -> PolicyReference | None:
        """Tell which policy governs, or governed, a container's cgroup."""
        return self.winners.of(inode)

    async def run(self) -> None:
        """Enforce for ever. Baselines must have been loaded before."""
        while True:
            await self.step()
            await self._wait()

    async def step(self) -> None:
        """Do what is due now; news, such as a new container, do not wait for a long list."""
        if self.news.is_set() or not self.progress:
            self.news.clear()
            with self._pace:
                self._drop_gone()
                self._decide()
            self.told()
            self.groups.news.set()
        due = self._admit(each for each in self._charges.values() if each.due <= self._now())
        await self._save_before(due)
        settled, same = False, None
        self._hurried = sum(charge.is_hurried for charge in self._charges.values())
        for charge in due:
            if same is None and charge.verified_pids():  # whatever is urgent is done by now
                same = await quiet(self.worker, self.places, due)
            pids = (same or {}).get(charge.container.cgroup.inode)
            if not pids and self.news.is_set() and charge is not due[0]:
                continue  # those looked at together are done all the same
            settled |= await self._scan(charge, pids)
            self.progress = time.monotonic()
        if settled:  # once for all of them: each news has every container decided on again
            self.news.set()
        await self.references.save()  # not before: a container that starts would wait for the disk
        self.progress = time.monotonic()

    def _admit(self, due: Iterable[TrackedContainer]) -> list[TrackedContainer]:
        """Put the urgent ones first; those that the caps hold back say so."""
        wanted = sorted(due, key=lambda each: each.urgency)
        admitted = self.caps.admit(wanted, self.baselines)
        if len(admitted) < len(wanted):
            self.told()
        return admitted

    async def _wait(self) -> None:
        """Sleep until something changed or a scan is due, or it is time to say that it lives."""
        if self.news.is_set():
            await self._pace.rest()
        due = min((charge.due for charge in self._charges.values()), default=math.inf)
        patience = min(max(due - self._now(), 0), self.rescan)
        try:
            async with asyncio.timeout(patience):
                await self.news.wait()
        except TimeoutError:
            return

    def _drop_gone(self) -> None:
        live = self.inventory.containers
        self._charges = {i: each for i, each in self._charges.items() if i in live}
        self.scans.keep_only(live)
        stay = self.inventory.staying()
        for known in (self.baselines, self.groups.found, self.references):
            known.keep_only(stay)
        if live:  # before detection's first batch nothing is known to be gone
            self.caps.keep_only(each.cgroup.pod_uid or "" for each in live.values())

    def _decide(self) -> None:
        for inode, container in self.inventory.containers.items():
            baseline = self.baselines.get(container)
            if baseline is None:
                continue
            charge = self._charges.get(inode)
            if charge is None or charge.container is not container:
                charge = self._charges[inode] = TrackedContainer(container)
            fresh = self._decider.decide(container, baseline, charge.decision)
            if self._decider.synced and fresh is not None:
                charge.decision = fresh
                self.winners.remember(inode, fresh, self.control.mode)
            charge.set_plan(self._order(charge, baseline, decided=fresh is not None), self._now())

    def _order(
        self, charge: TrackedContainer, baseline: Baseline, *, decided: bool
    ) -> ScorePlan | None:
        """Without the switch's word, or not knowing what the policies say, leave all as it is."""
        switch = self.control.mode
        if switch is None or (
            switch is EnforcementMode.ENFORCE and not (self._decider.synced and decided)
        ):
            return None
        target = charge.decision.standing.target if charge.decision else Target()
        own = self.baselines.own.has(charge.container)
        return plan_scores(target.score, baseline, switch, target.processes, own=own)

    async def _save_before(self, due: Iterable[TrackedContainer]) -> None:
        """Save each value before it is written, or a crash in between would lose the way back."""
        for charge in due:
            baseline = self.baselines.get(charge.container)
            if charge.plan and baseline and (ours := charge.plan.values - {baseline.value}):
                self.baselines.put(charge.container, baseline.with_ours(*ours))
        try:
            await self.baselines.save()
            await forget_loss(self.baselines, self.inventory)
        except sqlite3.Error as error:
            _LOG.warning("baselines are not saved, nothing is written before they are: %s", error)

    async def _scan(self, charge: TrackedContainer, same: frozenset[int] | None) -> bool:
        """Scan a container; `same`: its processes, where they are known to be the right ones.

        Tells whether values of ours were forgotten, so that its next order is another.
        """
        order, container = charge.plan, charge.container
        if order is None:
            return False
        before, settled = charge.outcome, False
        if not self.baselines.is_saved(container):
            charge.record_outcome(None, NOT_SAVED, self._now())
        else:
            done = (ScanOutcome(order.target, holding=same), None) if same else None
            began = self._now()
            found = done or await carry_out(self.scans, charge, self.caps, self.baselines.own)
            charge.record_outcome(*found, self._now())
            if outcome := found[0]:
                ripe = charge.is_settled(began)
                settled = ripe and self.baselines.settle(container, order, outcome)
        charge.schedule_next(self._now(), self.rescan, hurried=self._hurried)
        if charge.outcome != before or settled:
            self.told()
        return settled

    def _wishes(self) -> DesiredGroupKills:
        return desired_group_kills(self._charges.values(), self.control.mode)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def processes(self) -> int:
        """Count the processes that hold a score of ours."""
        known = self.baselines.get
        return sum(each.holding(known(each.container)) for each in self._charges.values())

    def report(self) -> tuple[Applied, tuple[PolicyReport, ...]]:
        """Tell what is applied, and what became of each policy here."""
        live = [each for i, each in self._charges.items() if i in self.inventory.containers]
        mode = self.control.mode
        self.limits.look(live, mode)
        items = filter(None, (self._items.of(each, mode) for each in live))
        touched = self.baselines.applied() | self.groups.applied | self.limits.ours()
        applied = Applied(containers=len(touched), processes=self.processes)
        pods, book = self._decider.pods_per_policy(), self.book
        found = reports(book.policies, pods, items, book.unreadable, self.warn)
        return applied, (*found, *without_room(book.left_out))
