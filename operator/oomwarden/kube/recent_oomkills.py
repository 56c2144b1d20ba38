"""The OOMKills that may still be acted on: those of the last minutes, and all that come."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.types import PatchType

from oomwarden.core.limits.raise_case import YOUNG
from oomwarden.core.limits.recent_kills import MOST_OF_A_NAMESPACE
from oomwarden.core.objects.passed_over import UnreadableObject, UnreadableObjects, unread
from oomwarden.kube import events
from oomwarden.kube.raising_policies import RaisingPolicies
from oomwarden.kube.transport import reflector as watch
from oomwarden.kube.transport.client import Client, Json, Listing, ListOptions
from oomwarden.kube.transport.errors import API_ERRORS, WriteResult
from oomwarden.kube.transport.guarded_sink import guarded
from oomwarden.kube.transport.resources import OOMKill, OOMNode

PART = 500
_MANAGER = "oomwarden-operator"
_LOG = logging.getLogger(__name__)

Take = Callable[[Json], None]


@dataclass(slots=True)
class _Sink:
    """Hands on what is told of namespaces in which kills are answered, and keeps nothing."""

    take: Take
    wanted: Callable[[str], bool]

    def replace(self, objects: list[Json]) -> None:
        """Pass over: the source hands on what it reads."""

    def apply(self, manifest: Json) -> None:
        if self.wanted(manifest["metadata"]["namespace"]):
            self.take(manifest)

    def delete(self, manifest: Json) -> None:
        """Pass over: what is deleted needs no response."""


@dataclass(frozen=True, slots=True)
class _Young:
    """Lists names only, in parts, and hands on the few that are young: there may be 100,000."""

    client: Client
    sink: _Sink

    async def listing(self, what: ListOptions, _: str | None = "0") -> Listing:
        token, version, read, passed = "", "", Counter[str](), list[UnreadableObject]()
        while True:
            page, now = await self.client.metadata_page(what, token, PART)
            version = version or str(page["metadata"]["resourceVersion"])
            for metadata in (each["metadata"] for each in page.get("items") or []):
                namespace = metadata["namespace"]
                if not self.sink.wanted(namespace) or not _is_young(metadata, now):
                    continue
                read[namespace] += 1
                if read[namespace] <= MOST_OF_A_NAMESPACE:
                    passed += await self._hand_on(metadata)
            token = page["metadata"].get("continue") or ""
            if not token:
                _tell_unread(read)
                return Listing(version, [], tuple(passed))

    def watching(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        return self.client.watching(what, version, seconds)

    async def _hand_on(self, metadata: Json) -> list[UnreadableObject]:
        """Read one and hand it on; gives it back where it cannot be taken."""
        name, namespace = metadata["name"], metadata["namespace"]
        try:
            self.sink.take(await self.client.get(OOMKill, name, namespace=namespace))
        except API_ERRORS as error:
            if not isinstance(error, ApiError) or error.status.code != HTTPStatus.NOT_FOUND:
                raise
        except Exception as error:  # noqa: BLE001 - whatever an object makes it raise
            return [unread({"metadata": metadata}, error)]
        return []


@dataclass(frozen=True, slots=True)
class RecentOOMKills:
    """Each call but `follow` may raise one of kube.errors.API_ERRORS.

    What cannot be taken is held in `passed_over` until it can, or is gone.
    """

    client: Client
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)

    async def follow(self, take: Take) -> None:
        """Hand on young OOMKills for ever, some more than once; none that no policy answers."""
        policies = RaisingPolicies(self.client)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(policies.run())
            await policies.known.wait()
            sink = _Sink(take, policies.answer)
            sure = guarded(sink, OOMKill, self.passed_over)
            source = _Young(self.client, sink)
            loops.create_task(watch.follow(source, ListOptions(OOMKill), sure, lambda: None))

    async def write_response(self, namespace: str, name: str, response: Json) -> None:
        """Write status.response; a record that is gone needs none."""
        patch: Any = {"status": {"response": response}}
        how: Any = {"patch_type": PatchType.MERGE, "field_manager": _MANAGER}
        try:
            await self.client.patch(OOMKill.Status, name, patch, namespace=namespace, **how)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise

    async def post(self, event: Json) -> WriteResult:
        """Create an Event; one of its name already is it. Raises nothing."""
        return await events.post(self.client, event)

    async def node_status(self, node: str) -> Json:
        """Read an OOMNode with its status; empty: there is none."""
        try:
            found: Json = await self.client.get(OOMNode, node)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return {}
            raise
        return found


def _is_young(metadata: Json, now: datetime) -> bool:
    try:
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        return now - created <= YOUNG + timedelta(seconds=5)
    except (KeyError, TypeError, ValueError):  # no record that the API server has made
        return False


def _tell_unread(found: Mapping[str, int]) -> None:
    for namespace, count in found.items():
        if count > MOST_OF_A_NAMESPACE:
            _LOG.warning(
                "namespace %s has %d OOMKills of the last minutes; the first %d are answered",
                namespace, count, MOST_OF_A_NAMESPACE,
            )  # fmt: skip
