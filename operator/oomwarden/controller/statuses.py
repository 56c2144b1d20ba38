"""Writes policies' status when the reports of nodes change it; one loop, no kopf."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from oomwarden.api.oomnode import OOMNodeStatus, PolicyReport, Refusal
from oomwarden.api.policy import PolicyStatus
from oomwarden.core.policy_status import Answers, NodeReport, is_silent, summarise
from oomwarden.kube.errors import API_ERRORS, failure

DEBOUNCE_SECONDS = 1.0
SWEEP_SECONDS = 60.0
RETRY_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


class PolicyKey(NamedTuple):
    """A policy's kind and name; `namespace` is None for a ClusterOOMPolicy."""

    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        return "/".join(filter(None, self))


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator keeps of a policy; `caution` is to be said of its own words."""

    generation: int
    status: PolicyStatus
    caution: str = ""


def key_of(report: PolicyReport) -> PolicyKey:
    """Give the policy that a report is about."""
    return PolicyKey(report.kind, report.namespace, report.name)


def reports_of(node: str, status: OOMNodeStatus) -> dict[PolicyKey, NodeReport]:
    """Give a node's reports by policy."""
    heartbeat = status.agent.heartbeat
    return {key_of(each): NodeReport(node, heartbeat, each) for each in status.policies}


Reports = Mapping[PolicyKey, Collection[NodeReport]]
Policies = Mapping[PolicyKey, Collection[Policy]]


@dataclass(slots=True, eq=False)
class StatusWriter:
    """Sums up what changed, at most once per policy and second, and writes what is different.

    `write` puts down a status; `exists` tells whether a node still has its OOMNode. Both raise one
    of kube.errors.API_ERRORS where the API server does not answer well. `answers` gives what the
    operator itself was refused for a policy.
    """

    write: Callable[[PolicyKey, PolicyStatus], Awaitable[None]]
    exists: Callable[[str], Awaitable[bool]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    answers: Callable[[PolicyKey], Sequence[Refusal]] = lambda _: ()
    reports: Reports = field(default_factory=dict)
    policies: Policies = field(default_factory=dict)
    _due: set[PolicyKey] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: dict[str, dict[PolicyKey, int]] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def touch(self, keys: Iterable[PolicyKey]) -> None:
        """Have these policies summed up anew."""
        self._due.update(keys)
        if self._due:
            self._wake.set()

    def touch_node(self, node: str, status: OOMNodeStatus | None) -> None:
        """Have the policies summed up of which the node says another thing than before.

        Args:
            node: The node's name.
            status: Its OOMNode's; None: it is gone.
        """
        before = self._seen.pop(node, {})
        if node in self._gone:  # what it said before is not counted
            before = {}
        after = {key_of(each): hash(each) for each in status.policies} if status else {}
        if status:
            self._seen[node] = after
            self._gone.discard(node)
        self.touch(key for key, _ in before.items() ^ after.items())

    async def run(self) -> None:
        """Write for ever."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._write_for_ever(), name="statuses")
            loops.create_task(self._sweep_for_ever(), name="sweep")

    async def _write_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(DEBOUNCE_SECONDS)
            self._wake.clear()
            due, self._due = self._due, set()
            failed = {key for key in sorted(due, key=str) if not await self._sum_up(key)}
            if failed:
                await asyncio.sleep(RETRY_SECONDS)
                self.touch(failed)

    async def _sweep_for_ever(self) -> None:
        """Notice nodes that fell silent: no event tells of them."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self._forget_deleted_nodes()
            self.touch(self.policies)

    async def _forget_deleted_nodes(self) -> None:
        """Ask for silent nodes: a deletion during an outage gives no event after it."""
        told = {each.node: each for store in self.reports.values() for each in store}
        for node in told.keys() - self._gone:
            if is_silent(told[node].heartbeat, self.now()):
                try:
                    if not await self.exists(node):
                        self._gone.add(node)
                except API_ERRORS as error:  # asked again at the next sweep
                    _LOG.warning("OOMNode %s was not read: %s", node, failure(error).reason)

    async def _sum_up(self, key: PolicyKey) -> bool:
        for policy in tuple(self.policies.get(key, ())):  # kopf changes it meanwhile
            reports = [each for each in self.reports.get(key, ()) if each.node not in self._gone]
            answers = Answers(self.answers(key), policy.caution)
            status = summarise(policy.generation, reports, policy.status, self.now(), answers)
            if status == policy.status:
                continue
            try:
                await self.write(key, status)
            except API_ERRORS as error:
                _LOG.warning(
                    "status of %s was not written, tried again: %s", key, failure(error).reason
                )
                return False
            _LOG.info("%s: %s", key, status.conditions[0].message)
        return True
