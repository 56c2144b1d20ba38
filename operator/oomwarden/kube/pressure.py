"""The ConfigMap in which the operator publishes how full the API server is of OOMKills."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.types import PatchType

from oomwarden.core.quota.pressure import NAME, Pressure, conditions, read, written
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.resources import ConfigMap, OOMNode

_MANAGER = "oomwarden-operator"


async def published(client: Client, namespace: str) -> Pressure | None:
    """Read what an operator published last; None: nothing, or nothing that can be read.

    Raises:
        httpx2.HTTPError: when the API server cannot be asked (ApiError: when it refuses).
    """
    try:
        found: dict[str, Any] = await client.get(ConfigMap, NAME, namespace=namespace)
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return None
        raise
    return read(found.get("data"))


async def count(client: Client, what: ListOptions) -> int:
    """Count objects at the price of reading one: the API server tells how many are left.

    Raises:
        httpx2.HTTPError: when the API server cannot be asked (ApiError: when it refuses).
    """
    part, _ = await client.metadata_page(what, "", 1)
    return len(part.get("items") or []) + int(part["metadata"].get("remainingItemCount") or 0)


@dataclass(frozen=True, slots=True)
class PressureConfigMap:
    """The ConfigMap in the release's namespace. Each call may raise one of errors.API_ERRORS."""

    client: Client
    namespace: str

    async def read(self) -> Pressure | None:
        """Read what was published last."""
        return await published(self.client, self.namespace)

    async def write(self, pressure: Pressure, passed_over: str = "") -> None:
        """Publish; the time in it lets agents see that an operator is there.

        Args:
            pressure: How full the API server is.
            passed_over: Which objects the operator passes over, and what to do; empty: none.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        told = {**written(pressure), **conditions(passed_over)}
        patch = {"data": {**told, "renewed": now}}
        await self.client.patch(
            ConfigMap,
            NAME,
            patch,
            namespace=self.namespace,
            patch_type=PatchType.MERGE,
            field_manager=_MANAGER,
        )

    async def nodes(self) -> int:
        """Count the nodes that have an agent."""
        return await count(self.client, ListOptions(OOMNode))
