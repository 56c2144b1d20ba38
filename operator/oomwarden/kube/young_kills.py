"""The OOMKills that may still be acted on: those of the last minutes, and all that come."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.types import PatchType

from oomwarden.core.raise_case import YOUNG
from oomwarden.kube import events, watch
from oomwarden.kube.client import Client, Json, Listing, Selection
from oomwarden.kube.errors import Failure
from oomwarden.kube.resources import OOMKill, OOMNode

PART = 500
_MANAGER = "oomwarden-operator"


@dataclass(slots=True)
class _Sink:
    """Hands on what is told, and keeps nothing."""

    take: Callable[[Json], None]

    def replace(self, objects: list[Json]) -> None:
        for each in objects:
            self.take(each)

    def apply(self, manifest: Json) -> None:
        self.take(manifest)

    def delete(self, manifest: Json) -> None:
        """Pass over: what is deleted needs no response."""


@dataclass(frozen=True, slots=True)
class _Young:
    """Lists names only, in parts, and reads the few that are young: there may be 100,000."""

    client: Client

    async def listing(self, what: Selection, _: str | None = "0") -> Listing:
        token, version, found = "", "", list[Json]()
        while True:
            page, now = await self.client.metadata_page(what, token, PART)
            version = version or str(page["metadata"]["resourceVersion"])
            items = [each["metadata"] for each in page.get("items") or []]
            for metadata in items:
                if _is_young(metadata, now) and (kill := await self._kill(metadata)):
                    found.append(kill)
            token = page["metadata"].get("continue") or ""
            if not token:
                return Listing(version, found)

    def watching(
        self, what: Selection, version: str, seconds: int
    ) -> AsyncGenerator[tuple[str, Json]]:
        return self.client.watching(what, version, seconds)

    async def _kill(self, metadata: Json) -> Json | None:
        name, namespace = metadata["name"], metadata["namespace"]
        try:
            found: Json = await self.client.get(OOMKill, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found


@dataclass(frozen=True, slots=True)
class YoungKills:
    """Each call but `follow` may raise one of kube.errors.API_ERRORS."""

    client: Client

    async def follow(self, take: Callable[[Json], None]) -> None:
        """Hand on young OOMKills for ever; some more than once."""
        await watch.follow(_Young(self.client), Selection(OOMKill), _Sink(take), lambda: None)

    async def write_response(self, namespace: str, name: str, response: Json) -> None:
        """Write status.response; a record that is gone needs none."""
        patch: Any = {"status": {"response": response}}
        how: Any = {"patch_type": PatchType.MERGE, "field_manager": _MANAGER}
        try:
            await self.client.patch(OOMKill.Status, name, patch, namespace=namespace, **how)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise

    async def post(self, event: Json) -> Failure:
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
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    return now - created <= YOUNG + timedelta(seconds=5)
