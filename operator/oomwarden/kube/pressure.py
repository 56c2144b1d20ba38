"""The ConfigMap in which the operator publishes how close OOMKills are to their bounds."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from oomwarden.core.quota.pressure import NAME, Pressure, conditions, from_config_map, to_config_map
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import ConfigMap, OOMNode

_MANAGER = "oomwarden-operator"


async def published(client: Client, namespace: str) -> Pressure | None:
    """Read what an operator published last, None if there is nothing or it cannot be read.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    try:
        found: dict[str, Any] = await client.get(ConfigMap, NAME, namespace=namespace)
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return None
        raise
    return from_config_map(found.get("data"))


async def count(client: Client, what: ListOptions) -> int:
    """Count objects at the cost of reading one: the API server reports how many remain.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    page, _ = await client.list_metadata_page(what, "", 1)
    return len(page.get("items") or []) + int(page["metadata"].get("remainingItemCount") or 0)


class PressureConfigMap(Struct, frozen=True):
    """The ConfigMap in the release's namespace. Each call may raise one of errors.API_ERRORS."""

    client: Client
    namespace: str

    async def read(self) -> Pressure | None:
        """Read what was published last."""
        return await published(self.client, self.namespace)

    async def write(self, pressure: Pressure, passed_over: str = "") -> None:
        """Publish, with the current time, by which agents know that an operator is running.

        Args:
            pressure: How close the stored OOMKills are to their bounds.
            passed_over: Which objects the operator skips, and what to do; empty if none.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        patch = {"data": {**to_config_map(pressure), **conditions(passed_over), "renewed": now}}
        change = Patch(patch, PatchType.MERGE, _MANAGER)
        await self.client.patch(ConfigMap, NAME, change, self.namespace)

    async def count_nodes(self) -> int:
        """Count the nodes that have an agent."""
        return await count(self.client, ListOptions(OOMNode))
