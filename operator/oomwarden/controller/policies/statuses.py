"""Writes policies' status when the reports of nodes change it; one loop, no kopf."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from oomwarden.api.oomnode import Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.own_policies import OwnPolicies, OwnPolicy
from oomwarden.core.limits.node_report import PolicyKey
from oomwarden.core.objects.passed_over import UnreadableObjects, error_words
from oomwarden.core.reporting.policy_status import Answers, summarise
from oomwarden.kube.transport.errors import API_ERRORS, failure

DEBOUNCE_SECONDS = 1.0
SWEEP_SECONDS = 60.0
RETRY_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


Policies = Mapping[PolicyKey, Collection[OwnPolicy]]


@dataclass(slots=True, eq=False)
class PolicyStatusWriter:
    """Sums up what changed, at most once per policy and second, and writes what is different.

    `write` puts down a status, and raises one of kube.errors.API_ERRORS where the API server does
    not answer well. `answers` gives what the operator itself was refused for a policy. `policies`
    is kopf's index, of ClusterOOMPolicies. A policy that cannot be summed up is noted in
    `passed_over`.
    """

    write: Callable[[PolicyKey, PolicyStatus], Awaitable[None]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    answers: Callable[[PolicyKey], Sequence[Refusal]] = lambda _: ()
    reports: NodeReports = field(default_factory=NodeReports)
    own: OwnPolicies = field(default_factory=OwnPolicies)
    policies: Policies = field(default_factory=dict)
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)
    _due: set[PolicyKey] = field(default_factory=set)
    _later: set[PolicyKey] = field(default_factory=set)
    _why: dict[PolicyKey, str] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.reports.changed = self.own.changed = self.touch

    def touch(self, keys: Iterable[PolicyKey]) -> None:
        """Have these policies summed up anew."""
        self._due.update(keys)
        if self._due:
            self._wake.set()

    async def run(self) -> None:
        """Write for ever."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._write_for_ever(), name="statuses")
            loops.create_task(self._sweep_for_ever(), name="sweep")

    async def _write_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(DEBOUNCE_SECONDS)
            if not self.reports.whole:  # else a start would say that no node reports
                continue
            self._wake.clear()
            due, self._due = self._due, set()
            for key in sorted(due, key=str):
                if await self._guarded(key):
                    self._why.pop(key, None)
                else:
                    self._try_again(key)

    def _try_again(self, key: PolicyKey) -> None:
        """Write one later; the others are not kept waiting."""
        if key not in self._later:
            self._later.add(key)
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._touch_again, key)

    def _touch_again(self, key: PolicyKey) -> None:
        self._later.discard(key)
        self.touch([key])

    async def _sweep_for_ever(self) -> None:
        """Notice nodes that fell silent: no event tells of them."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.touch([*self.policies, *self.own.known])

    async def _guarded(self, key: PolicyKey) -> bool:
        """Sum up one policy; what cannot be summed up keeps no other one waiting."""
        policy = {"metadata": {"name": key.name, "namespace": key.namespace}}
        try:
            done = await self._sum_up(key)
        except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
            why = f"its status was not made: {error_words(error)}"
            self.passed_over.note(key.kind, policy, why)
            _LOG.error("%s: %s", key, why)
            return True  # with the next report, or the next sweep
        self.passed_over.clear(key.kind, policy)
        return done

    async def _sum_up(self, key: PolicyKey) -> bool:
        await asyncio.sleep(0)  # 2,000 reports take 10 ms
        for policy in self._known(key):
            reports, answers = self.reports.of(key), Answers(self.answers(key), policy.caution)
            status = summarise(policy.generation, reports, policy.status, self.now(), answers)
            if status == policy.status:
                continue
            try:
                await self.write(key, status)
            except API_ERRORS as error:
                self._tell_failed(key, failure(error).reason)
                return False
            _LOG.info("%s: %s", key, status.conditions[0].message)
        return True

    def _tell_failed(self, key: PolicyKey, why: str) -> None:
        if self._why.get(key) != why:
            _LOG.warning("status of %s was not written, tried again: %s", key, why)
        self._why[key] = why

    def _known(self, key: PolicyKey) -> tuple[OwnPolicy, ...]:
        """Give what is known of a policy; a copy, as kopf changes its index meanwhile."""
        own = self.own.known.get(key)
        return tuple(self.policies.get(key, ())) if own is None else (own,)
