"""Calls of the operator to the API server, besides the watches of kopf."""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from oomwarden.core.fleet.node_report import ReportedNode, heartbeat_of, reported_node
from oomwarden.core.fleet.raw_reports import read_event
from oomwarden.core.limits.clock_skew import by_server_clock
from oomwarden.core.objects.json_parts import Manifest, object_at, objects_at
from oomwarden.core.reporting.node_conditions import LEFT_CHANGED
from oomwarden.kube.transport.bodies import parse_watch_event
from oomwarden.kube.transport.client import Client, Listing, ListOptions, WatchEvents
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import ClusterOOMPolicy, OOMLimit, OOMNode, OOMPolicy

_MANAGER = "oomwarden-operator"
_NEWEST = None


class OperatorCalls(Struct, frozen=True):
    """Each call may raise one of kube.transport.errors.API_ERRORS."""

    client: Client

    async def write_status(
        self, kind: str, namespace: str | None, name: str, status: Mapping[str, Any]
    ) -> None:
        """Write a policy's status. Do nothing if the policy is gone."""
        patch = Patch({"status": dict(status)}, PatchType.MERGE, _MANAGER)
        resource = ClusterOOMPolicy if kind == ClusterOOMPolicy.kind else OOMPolicy
        try:
            await self.client.patch(resource.of("status"), name, patch, namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise

    async def list_nodes(self) -> list[Manifest]:
        """List the current OOMNodes, without their reports on policies."""
        found = await self.client.list_objects(ListOptions(OOMNode), _NEWEST, _own_state)
        unread = [{**each.manifest, "status": {"unread": each.why}} for each in found.unread]
        return [*found.objects, *unread]

    async def kinds_are_served(self) -> bool:
        """Return whether the API server serves the kinds that the operator watches."""
        try:
            for kind in (OOMNode, OOMPolicy, ClusterOOMPolicy, OOMLimit):
                await self.client.list_metadata_page(ListOptions(kind), "", 1)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True


class OOMNodeListerWatcher(Struct, frozen=True):
    """Lists OOMNodes as ReportedNodes with the age of their reports, by the API server's clock.

    Attributes:
        client: The API client.
    """

    client: Client

    async def list_objects(self, what: ListOptions, version: str | None = "0") -> Listing:
        """List OOMNodes, each of which is reduced at once."""
        return await self.client.list_objects(what, version, await self._keep(what))

    async def stream_objects(self, what: ListOptions, version: str, seconds: int) -> Listing | None:
        """List and watch OOMNodes with one request."""
        keep = await self._keep(what)
        return await self.client.stream_objects(what, version, seconds, keep, _parse)

    def watch_objects(self, what: ListOptions, version: str, seconds: int) -> WatchEvents:
        """Watch OOMNodes from a resourceVersion."""
        return self.client.watch_objects(what, version, seconds, _parse)

    async def _keep(self, what: ListOptions) -> Callable[[Manifest], ReportedNode]:
        """Return what reduces an OOMNode, with the API server's time."""
        _, now = await self.client.list_metadata_page(what, "", 1)
        return partial(reported_node, server_time=now)


def _parse(line: bytes) -> tuple[str, Manifest]:
    return read_event(line) or parse_watch_event(line)


def _own_state(node: Manifest) -> Manifest:
    """Return the name of an OOMNode, and what its agent reports about itself.

    The heartbeat is by the API server's clock, because a node's may be off by minutes.
    """
    status = object_at(node, "status")
    kept = {key: status[key] for key in ("agent", "kernel", "applied") if key in status}
    if heartbeat := heartbeat_of(node):
        kept["agent"] = {**status["agent"], "heartbeat": by_server_clock(node, heartbeat)}
    left = [c for c in objects_at(status, "conditions") if c.get("reason") == LEFT_CHANGED]
    if left:
        kept["conditions"] = left
    return {"metadata": {"name": node["metadata"]["name"]}, "status": kept}
