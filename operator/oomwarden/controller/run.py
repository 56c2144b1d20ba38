"""Run the operator: kopf's watch of ClusterOOMPolicies, and loops that need no kopf.

The loops write the status of policies, delete old OOMKills, set the memory limits that policies
ask for, and respond to OOM kills.
"""

import asyncio
import logging
import os
import platform
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from oomwarden.api.codec.codec import encode
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.initial_mode import InitialMode
from oomwarden.controller.kopf_frame import Loops, run_with_kopf
from oomwarden.controller.leader_elector import LeaderElector, identity
from oomwarden.controller.limits.oom_responder import OOMResponder
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.controller.limits.sweep import LimitSweep
from oomwarden.controller.liveness import EventLoopLiveness, serve
from oomwarden.controller.policies.handlers import ClusterPolicyIndex, PolicyHandlers
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.oompolicy_cache import OOMPolicyCache, policy_state
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.controller.policies.statuses import PolicyStatusWriter, StatusSources
from oomwarden.controller.retention.publishing import PressurePublisher
from oomwarden.controller.retention.retention import Retention
from oomwarden.controller.stopping import stop_signal, unless
from oomwarden.core.leader_election.candidate import LeaseCandidate
from oomwarden.core.log_line.keys import about
from oomwarden.core.metrics.exposition import Families
from oomwarden.core.metrics.families.operator import WorkQueue
from oomwarden.core.metrics.families.process import API_ERRORS as FAILED_CALLS
from oomwarden.core.metrics.operator_counts import OperatorCounts, OperatorState
from oomwarden.core.objects.unreadable import OF_THE_OPERATOR, UnreadableObjects
from oomwarden.core.policy.policy import PolicyKey
from oomwarden.core.quota.retention import Bounds, RetentionBound
from oomwarden.kube.coordination.leases import Leases
from oomwarden.kube.mode import ModeConfigMap
from oomwarden.kube.oomkill_pages import OOMKillPages
from oomwarden.kube.oomlimits import OOMLimits
from oomwarden.kube.operator_calls import OOMNodeListerWatcher, OperatorCalls
from oomwarden.kube.pod_resizes import PodResizes
from oomwarden.kube.pressure import PressureConfigMap
from oomwarden.kube.recent_oomkills import RecentOOMKills
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import Client, ListOptions, connect
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys
from oomwarden.kube.transport.guarded_handler import guard
from oomwarden.kube.transport.resources import OOMNode, OOMPolicy, Resource
from oomwarden.kube.transport.transform import TransformingListerWatcher
from oomwarden.probes.loops import Loop, age_since
from oomwarden.probes.watch_progress import WatchProgress

CRD_POLL_SECONDS = 2.0
_NOTHING_DELETED = dict.fromkeys(RetentionBound, 0)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperatorIdentity:
    """Where the operator runs.

    Attributes:
        namespace: Its namespace, which also has the ConfigMaps oomwarden-control and -pressure.
        account: Its ServiceAccount; empty: the operator never creates oomwarden-control.
        lease: The Lease that it has to hold before it works; empty: it is the only operator.
    """

    namespace: str
    account: str
    lease: str = ""


async def run(port: int, bounds: Bounds, where: OperatorIdentity) -> None:
    """Run until a signal arrives or a loop ends.

    Args:
        port: Port of /healthz, /readyz and /metrics.
        bounds: Which OOMKills are kept.
        where: Where the operator runs.
    """
    os.environ.setdefault("POD_ID", platform.node())  # else kopf looks up the name of UID 65532
    client = connect()
    await _wait_for_crds(OperatorCalls(client))
    elector = _elector(client, where) if where.lease else None
    operator = Operator(client, bounds, where, elector.leads if elector else lambda: True)
    liveness, stop = EventLoopLiveness(), stop_signal()
    loops = [liveness.loop, *operator.watched_loops()]
    serve(port, loops, operator.families, elector.waits_for if elector else lambda: "")
    async with asyncio.TaskGroup() as group:
        beat = group.create_task(liveness.run(), name="liveness")
        if elector is None:
            await _work(client, operator, where, stop)
        elif await unless(stop, elector.acquire()):
            async with elector.leading():
                await _work(client, operator, where, stop)
        beat.cancel()


async def _work(
    client: Client, operator: "Operator", where: OperatorIdentity, stop: asyncio.Event
) -> None:
    """Do the work of the operator until a signal arrives or a loop ends."""
    loops = operator.loops()
    if where.account:
        initial_mode = InitialMode(ModeConfigMap(client, where.namespace), where.account)
        await initial_mode.attempt()
        loops["initial-mode"] = initial_mode.run
    await run_with_kopf(loops, operator.handlers, stop)


def _elector(client: Client, where: OperatorIdentity) -> LeaderElector:
    candidate = LeaseCandidate(identity(platform.node()))
    return LeaderElector(Leases(client, where.namespace, where.lease), candidate)


class Operator:
    """Builds the operator's parts, and connects them.

    Policies flow through one work queue: whatever changes a policy's status adds the policy.

    Args:
        client: The API server's client.
        bounds: Which OOMKills are kept.
        where: Where the operator runs.
        leads: Returns whether it is this one of several operators that works.
    """

    def __init__(
        self,
        client: Client,
        bounds: Bounds,
        where: OperatorIdentity,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client = client
        self._leads = leads
        self._unreadable = UnreadableObjects(remedy=OF_THE_OPERATOR)
        self._progress = WatchProgress()
        self._counts = counts = OperatorCounts(time.monotonic, Counter(_NOTHING_DELETED))
        self._resizes = PodResizes(client, where.namespace)
        queue, index = PolicyQueue(), ClusterPolicyIndex()
        self._resizer = Resizer(self._resizes, queue.add, counts=counts)
        self._reports = NodeReports(queue.add, self._resizer.update_requests, self._unreadable)
        self._policies = OOMPolicyCache(queue.add)
        self.handlers = PolicyHandlers(queue, index)
        sources = StatusSources(self._reports, self._policies, index, self._resizer.refusals)
        self._statuses = PolicyStatusWriter(
            self._write_status, queue, sources, self._unreadable, counts=counts
        )
        pressure = PressureConfigMap(client, where.namespace)
        publisher = PressurePublisher(bounds, pressure, self._unreadable.message)
        self._retention = Retention(bounds, OOMKillPages(client), publisher, deleted=counts.deleted)
        self._sweep = LimitSweep(OOMLimits(client), self._unreadable)
        kills = RecentOOMKills(client, self._unreadable, self._progress.marker("oomkills"))
        self._responder = OOMResponder(
            kills, self._resizes, platform.node(), self._unreadable, counts=counts
        )

    def loops(self) -> Loops:
        """Return the loops by name."""
        return {**self._policy_loops(), **self._limit_loops(), "retention": self._retention.run}

    def _policy_loops(self) -> Loops:
        nodes = OOMNodeListerWatcher(self._client)
        policies = TransformingListerWatcher(self._client, list_transform=policy_state)
        return {
            "statuses": self._statuses.run,
            "nodes": partial(self._follow, nodes, OOMNode, self._reports),
            "policies": partial(self._follow, policies, OOMPolicy, self._policies),
        }

    def _limit_loops(self) -> Loops:
        return {
            "resizes": self._resizer.run,
            "responses": self._responder.run,
            "limit-sweep": self._sweep.run,
        }

    def watched_loops(self) -> list[Loop]:
        """Return the loops that have an age, none of which makes /healthz fail."""
        return [
            *self._progress.loops(["oomnodes", "oompolicies", "oomkills"]),
            Loop("retention", age_since(lambda: self._retention.progress)),
            Loop("limit-sweep", age_since(lambda: self._sweep.progress)),
        ]

    def families(self) -> Families:
        """Return the operator's metrics; to be called in the event loop."""
        queues = {
            WorkQueue.POLICIES: self._statuses.waiting(),
            WorkQueue.RESIZES: self._resizer.waiting(),
            WorkQueue.RESPONSES: len(self._responder.queue),
        }
        state = OperatorState(
            queues,
            self._reports.by_state(),
            self._retention.retained,
            self._responder.queue.dropped,
            self._unreadable.total,
            self._leads(),
        )
        return (*self._counts.families(state), (FAILED_CALLS, self._client.errors.samples()))

    async def _write_status(self, key: PolicyKey, status: PolicyStatus) -> None:
        content = encode(status)
        await OperatorCalls(self._client).write_status(*key, content)

    async def _follow(
        self,
        source: reflector.ListerWatcher,
        resource: Resource,
        handler: reflector.EventHandler,
    ) -> None:
        safe = guard(handler, resource, self._unreadable)
        mark = self._progress.marker(resource.plural)

        def progress() -> None:
            mark()
            if resource is OOMNode:
                self._reports.hear()

        await reflector.list_and_watch(source, ListOptions(resource), safe, progress)


async def _wait_for_crds(operations: OperatorCalls) -> None:
    """Wait until the CRDs are served: kopf checks that only once, when it starts."""
    while True:
        try:
            if await operations.kinds_are_served():
                return
            _LOG.warning(
                "the API server does not serve oomwarden.io, retrying: are the CRDs installed?",
                extra=about(kind="CustomResourceDefinition", reason="Missing"),
            )
        except API_ERRORS as error:
            failure = classify_error(error)
            _LOG.warning(
                "the API server is unavailable, retrying: %s",
                failure.reason,
                extra=about(error_keys(failure)),
            )
        await asyncio.sleep(CRD_POLL_SECONDS)
