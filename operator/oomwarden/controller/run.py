"""The operator: kopf's watches, and its loops.

They write statuses, delete records, set the limits that policies ask for, and answer kills.
"""

import asyncio
import logging
import os
import platform
from dataclasses import dataclass

import kopf

from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.first_switch import InitialMode
from oomwarden.controller.limits.oom_responder import Responder
from oomwarden.controller.limits.resizer import Resizer
from oomwarden.controller.limits.sweep import LimitSweep
from oomwarden.controller.login import login
from oomwarden.controller.policies.handlers import PolicyHandlers
from oomwarden.controller.policies.node_reports import NodeReports
from oomwarden.controller.policies.own_policies import kept_policy
from oomwarden.controller.policies.statuses import PolicyStatusWriter
from oomwarden.controller.pulse import Pulse, serve
from oomwarden.controller.retention.publishing import Publisher
from oomwarden.controller.retention.retention import Retention
from oomwarden.core.limits.node_report import PolicyKey, reported_node
from oomwarden.core.objects.passed_over import OF_THE_OPERATOR, UnreadableObjects
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.mode import ModeConfigMap
from oomwarden.kube.oomkill_pages import OOMKillPages
from oomwarden.kube.oomlimits import OOMLimits
from oomwarden.kube.operator_calls import OperatorCalls
from oomwarden.kube.pod_resizes import PodResizes
from oomwarden.kube.pressure import PressureConfigMap
from oomwarden.kube.recent_oomkills import RecentOOMKills
from oomwarden.kube.transport import reflector as watch
from oomwarden.kube.transport.client import ListOptions, connect
from oomwarden.kube.transport.errors import API_ERRORS, failure
from oomwarden.kube.transport.guarded_sink import guarded
from oomwarden.kube.transport.kept import Kept
from oomwarden.kube.transport.resources import OOMNode, OOMPolicy, Resource

CRD_POLL_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperatorIdentity:
    """Where the operator runs: the namespace, which has the switch, and its ServiceAccount."""

    namespace: str
    account: str


async def run(port: int, bounds: Bounds, place: OperatorIdentity) -> None:
    """Run until a signal comes or a loop ends.

    Args:
        port: Of /healthz.
        bounds: Which OOMKills are kept.
        place: Where it runs.
    """
    os.environ.setdefault("POD_ID", platform.node())  # else kopf asks for the user's name: 65532
    operations = OperatorCalls(connect())
    await _until_served(operations)

    async def write(key: PolicyKey, status: PolicyStatus) -> None:
        content = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        await operations.write_status(*key, content)

    odd = UnreadableObjects(remedy=OF_THE_OPERATOR)
    writer = PolicyStatusWriter(write, reports=NodeReports(passed_over=odd), passed_over=odd)
    board = PressureConfigMap(operations.client, place.namespace)
    publisher = Publisher(bounds, board, passed_over=odd.message)
    retention = Retention(bounds, OOMKillPages(operations.client), publisher)
    calls = PodResizes(operations.client, place.namespace)
    resizer = Resizer(calls, writer.touch)
    writer.answers, writer.reports.asked = resizer.refusals, resizer.take
    nodes = Kept(operations.client, of_list=reported_node)
    own = Kept(operations.client, of_list=kept_policy)
    kills = RecentOOMKills(operations.client, odd)
    responder = Responder(kills, calls, platform.node(), passed_over=odd)
    sweep = LimitSweep(OOMLimits(operations.client), passed_over=odd)
    pulse = Pulse()
    switch = InitialMode(ModeConfigMap(operations.client, place.namespace), place.account)
    if place.account:
        await switch.attempt()
    serve(port, pulse)
    async with asyncio.TaskGroup() as loops:
        ours = [
            loops.create_task(writer.run(), name="writer"),
            loops.create_task(retention.run(), name="retention"),
            loops.create_task(resizer.run(), name="resizes"),
            loops.create_task(_follow(nodes, OOMNode, writer.reports, odd), name="nodes"),
            loops.create_task(_follow(own, OOMPolicy, writer.own, odd), name="policies"),
            loops.create_task(responder.run(), name="responses"),
            loops.create_task(sweep.run(), name="limit-sweep"),
            loops.create_task(pulse.run(), name="pulse"),
            *([loops.create_task(switch.run(), name="switch")] if place.account else []),
        ]
        await asyncio.sleep(0)  # kopf ends, and waits for, the tasks that begin after its own
        await kopf.operator(
            registry=registry_for(writer),
            settings=operator_settings(),
            clusterwide=True,
            standalone=True,
        )
        for loop in ours:
            loop.cancel()


async def _follow(
    source: watch.ListerWatcher,
    resource: Resource,
    sink: watch.EventHandler,
    odd: UnreadableObjects,
) -> None:
    sure = guarded(sink, resource, odd)
    await watch.follow(source, ListOptions(resource), sure, lambda: None)


async def _until_served(operations: OperatorCalls) -> None:
    """Wait for the CRDs: kopf looks at what is served only once, at its start."""
    while True:
        try:
            if await operations.kinds_are_served():
                return
            _LOG.warning("the API server does not know oomwarden.io yet: are the CRDs installed?")
        except API_ERRORS as error:
            _LOG.warning("waiting: %s", failure(error).reason)
        await asyncio.sleep(CRD_POLL_SECONDS)


def registry_for(writer: PolicyStatusWriter) -> kopf.OperatorRegistry:
    """Give all of the operator's handlers."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry, id="login")(login)
    PolicyHandlers(writer).register(registry)
    return registry


def operator_settings() -> kopf.OperatorSettings:
    """Give kopf's settings: nothing is written by kopf, and no other kind is looked at."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # else it would watch all CRDs of the cluster
    settings.networking.request_timeout = 30.0
    settings.networking.connect_timeout = 10.0
    settings.watching.chunk_size = 50
    settings.process.ultimate_exiting_timeout = 10.0
    return settings
