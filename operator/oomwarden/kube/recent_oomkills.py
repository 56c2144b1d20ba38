"""The OOMKills that may need a response: those of the last minutes, and all new ones."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import chain

from msgspec import Struct, field

from oomwarden.core.limits.raise_context import MAX_KILL_AGE
from oomwarden.core.limits.recent_kills import MAX_PER_NAMESPACE
from oomwarden.core.log_line.keys import about
from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.objects.unreadable import UnreadableObject, UnreadableObjects, unreadable_object
from oomwarden.kube import events
from oomwarden.kube.raising_policies import RaisingPolicies
from oomwarden.kube.transport import reflector
from oomwarden.kube.transport.client import Client, Listing, ListOptions
from oomwarden.kube.transport.errors import API_ERRORS, ApiError, WriteResult
from oomwarden.kube.transport.guarded_handler import guard
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import OOMKill, OOMNode

PAGE_SIZE = 500
READS_AT_ONCE = 4
"""Namespaces whose records are read at the same time: the API server prepares one answer while this
process decodes another."""
MAX_SINGLE_READS = 5
"""Recent records of a namespace that are read one by one. More are read with one list, although
most of it may be old: a storm leaves thousands."""
_MANAGER = "oomwarden-operator"
_LOG = logging.getLogger(__name__)

KillHandler = Callable[[Manifest], None]


class _ForwardingHandler(Struct):
    """Passes on OOMKills of namespaces in which kills may need a response, and keeps nothing."""

    handle: KillHandler
    wanted: Callable[[str], bool]

    def replace(self, objects: list[Manifest]) -> None:
        """Do nothing: the lister passes on what it reads."""

    def apply(self, manifest: Manifest) -> None:
        if self.wanted(manifest["metadata"]["namespace"]):
            self.handle(manifest)

    def delete(self, manifest: Manifest) -> None:
        """Do nothing: a deleted record needs no response."""


class _RecentListerWatcher(Struct, frozen=True):
    """Lists only metadata, in pages, and reads the recent records: there may be 100,000 others."""

    client: Client
    handler: _ForwardingHandler

    async def list_objects(self, what: ListOptions, _: str | None = "0") -> Listing:
        recent, version = await self._recent_names(what)
        unreadable, left = list[UnreadableObject](), list(recent.items())
        while left:
            now, left = left[:READS_AT_ONCE], left[READS_AT_ONCE:]
            found = await asyncio.gather(*(self._read_all(*each, version) for each in now))
            unreadable += chain.from_iterable(found)
        return Listing(version, [], tuple(unreadable))

    async def _read_all(
        self, namespace: str, names: list[str], version: str
    ) -> list[UnreadableObject]:
        """Read the recent records of a namespace; return those that the handler refuses."""
        if len(names) > MAX_SINGLE_READS:
            return await self._read_namespace(namespace, names, version)
        unreadable = list[UnreadableObject]()
        for name in names:
            unreadable += await self._read({"name": name, "namespace": namespace})
        return unreadable

    async def _recent_names(self, what: ListOptions) -> tuple[dict[str, list[str]], str]:
        """Return the recent records by namespace, and the version of the list."""
        token, version = "", ""
        count, recent = Counter[str](), dict[str, list[str]]()
        while True:
            page, now = await self.client.list_metadata_page(what, token, PAGE_SIZE)
            version = version or str(page["metadata"]["resourceVersion"])
            for metadata in (each["metadata"] for each in page.get("items") or []):
                namespace = metadata["namespace"]
                if self.handler.wanted(namespace) and _is_recent(metadata, now):
                    count[namespace] += 1
                    if count[namespace] <= MAX_PER_NAMESPACE:
                        recent.setdefault(namespace, []).append(metadata["name"])
            token = page["metadata"].get("continue") or ""
            if not token:
                _log_excess(count)
                return recent, version

    def watch_objects(
        self, what: ListOptions, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Manifest]]:
        return self.client.watch_objects(what, version, seconds)

    async def _read_namespace(
        self, namespace: str, names: list[str], version: str
    ) -> list[UnreadableObject]:
        """Read many records of a namespace with one list."""
        wanted = frozenset(names)

        def keep(manifest: Manifest) -> None:
            if manifest["metadata"]["name"] in wanted:
                self.handler.handle(manifest)

        listing = await self.client.list_objects(ListOptions(OOMKill, namespace), version, keep)
        return list(listing.unread)

    async def _read(self, metadata: Manifest) -> list[UnreadableObject]:
        """Read a record and pass it on. Return it if the handler fails."""
        name, namespace = metadata["name"], metadata["namespace"]
        try:
            self.handler.handle(await self.client.get(OOMKill, name, namespace=namespace))
        except API_ERRORS as error:
            if not isinstance(error, ApiError) or error.status.code != HTTPStatus.NOT_FOUND:
                raise
        except Exception as error:  # noqa: BLE001 - an object may cause any error
            return [unreadable_object({"metadata": metadata}, error)]
        return []


class RecentOOMKills(Struct, frozen=True):
    """Recent OOMKills, and the responses to them.

    Each call but `watch` and `post` may raise one of kube.transport.errors.API_ERRORS.

    Attributes:
        client: The API client.
        passed_over: Records that could not be handled, until they can be or are deleted.
        progress: Called whenever the API server responds to the watch.
    """

    client: Client
    passed_over: UnreadableObjects = field(default_factory=UnreadableObjects)
    progress: Callable[[], None] = lambda: None

    async def watch(self, handle: KillHandler) -> None:
        """Pass on recent OOMKills that a policy may respond to, until cancelled.

        Some are passed on more than once.
        """
        policies = RaisingPolicies(self.client)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(policies.run())
            await policies.synced.wait()
            handler = _ForwardingHandler(handle, policies.may_respond)
            guarded = guard(handler, OOMKill, self.passed_over)
            source = _RecentListerWatcher(self.client, handler)
            loops.create_task(
                reflector.list_and_watch(source, ListOptions(OOMKill), guarded, self.progress)
            )

    async def write_response(self, namespace: str, name: str, response: Manifest) -> bool:
        """Write status.response, unless the record is gone or has one by now.

        Another operator may have responded after this one had read the record.

        Returns:
            Whether it was written.

        Raises:
            ApiError: 409 if the record changes at this moment.
        """
        try:
            found = await self.client.get(OOMKill, name, namespace)
            if object_at(found, "status").get("response"):
                return False
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            content = {"metadata": version, "status": {"response": response}}
            patch = Patch(content, PatchType.MERGE, _MANAGER)
            await self.client.patch(OOMKill.of("status"), name, patch, namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    async def post(self, event: Manifest) -> WriteResult:
        """Create an Event. An existing Event with this name counts as success. Raises nothing."""
        return await events.post(self.client, event)

    async def node_status(self, node: str) -> Manifest:
        """Read an OOMNode with its status. Return an empty object if there is none."""
        try:
            found: Manifest = await self.client.get(OOMNode, node)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return {}
            raise
        return found


def _is_recent(metadata: Manifest, now: datetime) -> bool:
    try:
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        return now - created <= MAX_KILL_AGE + timedelta(seconds=5)
    except (KeyError, TypeError, ValueError):  # not created by the API server
        return False


def _log_excess(counts: Mapping[str, int]) -> None:
    for namespace, count in counts.items():
        if count > MAX_PER_NAMESPACE:
            _LOG.warning(
                "namespace %s has %d recent OOMKills; only the first %d get a response",
                namespace, count, MAX_PER_NAMESPACE,
                extra=about(kind="OOMKill", namespace=namespace, count=count, reason="TooMany"),
            )  # fmt: skip
