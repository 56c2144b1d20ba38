"""The OOMNode and the Node of an agent."""

import logging
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from oomwarden.api.codec.codec import decode, encode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.ledger.rebuild import RecordedKills, summarize_records
from oomwarden.core.log_line.keys import UNREADABLE, about_object
from oomwarden.core.model.quantity import QuantityError, canonical
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.needed_fields import without_large_metadata
from oomwarden.core.objects.unreadable import describe_error, display_name
from oomwarden.core.quota.pressure import YOUNG_SECONDS
from oomwarden.kube.pressure import published
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.resources import Node, OOMKill, OOMNode

_LOG = logging.getLogger(__name__)


async def read_status(client: Client, name: str) -> OOMNodeStatus | None:
    """Read the last status that the agent of this node wrote.

    Returns:
        The status, or None if there is none or it cannot be read.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    found = await _get(client, name)
    if found is None or not found.get("status"):
        return None
    try:
        return decode(OOMNodeStatus, found["status"])
    except InvalidObjectError:  # written by another version
        return None


async def write_status(client: Client, name: str, status: OOMNodeStatus) -> None:
    """Write the status. Create the OOMNode, owned by the Node, if it does not exist.

    Nobody else writes it, so its version does not matter, and it need not be read before.

    Raises:
        API_ERRORS: The status was not written. Retry later.
    """
    content = encode(status)
    try:
        await client.set_status(OOMNode, name, content)
    except ApiError as error:
        if error.status.code != HTTPStatus.NOT_FOUND:
            raise
        await _create(client, name)
        await client.set_status(OOMNode, name, content)


async def list_recorded_ranges(
    client: Client, name: str, boot_id: str, namespace: str
) -> RecordedKills:
    """List the counter ranges that this node's OOMKills record for this boot.

    Args:
        client: The API client.
        name: The node's name.
        boot_id: The boot.
        namespace: The namespace of the release.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    node = await _get(client, name) or {}
    since = _since(node, boot_id)
    # Not by label: label values are limited to 63 characters, node names to 253.
    of_node = ListOptions(OOMKill, fields=f"node={name}")
    kills = (await client.list_objects(of_node, None, _without_memory)).objects
    young_from = datetime.now(UTC) - timedelta(seconds=await _kept_seconds(client, namespace))
    kept_from = young_from.strftime("%Y-%m-%dT%H:%M:%SZ")
    known = [each for each in kills if _is_readable(each, boot_id, kept_from)]
    return summarize_records(known, boot_id, since, kept_from)


def _since(node: Manifest, boot_id: str) -> str | None:
    """Return when the OOMNode was created, if its status is of this boot."""
    try:
        of_boot = node["status"]["kernel"]["bootID"] == boot_id
        return str(node["metadata"]["creationTimestamp"]) if of_boot else None
    except (KeyError, TypeError):  # no OOMNode, or a status of another version
        return None


def _is_readable(kill: Manifest, boot_id: str, kept_from: str) -> bool:
    """Return whether a record can be read: one of another version may have any shape."""
    try:
        summarize_records([kill], boot_id, None, kept_from)
    except Exception as error:  # noqa: BLE001 - anything may be missing
        name, why = display_name("OOMKill", kill), describe_error(error)
        _LOG.warning(
            "%s cannot be read and counts as missing: %s",
            name,
            why,
            extra=about_object("OOMKill", kill, reason=UNREADABLE, error=why),
        )
        return False
    return True


def _without_memory(kill: Manifest) -> Manifest:
    """Drop the largest fields, which the ledger does not need."""
    return {key: part for key, part in without_large_metadata(kill).items() if key != "memory"}


async def _kept_seconds(client: Client, namespace: str) -> float:
    """Return the age in seconds up to which records are certainly not deleted."""
    try:
        pressure = await published(client, namespace)
    except ApiError as error:
        if error.status.code != HTTPStatus.FORBIDDEN:  # permissions of an older release
            raise
        pressure = None
    return pressure.kept_seconds if pressure else YOUNG_SECONDS


async def read_node_memory(client: Client, name: str) -> tuple[str | None, str | None]:
    """Read the Node's memory capacity and allocatable memory, as canonical quantities.

    A kubelet with eviction thresholds in percent reports fractions of a byte (...400m).

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    status = (await client.get(Node, name)).get("status") or {}
    capacity, allocatable = (status.get(key) or {} for key in ("capacity", "allocatable"))
    return _amount(capacity), _amount(allocatable)


def _amount(resources: Manifest) -> str | None:
    """Return the memory as a canonical quantity, None if it is missing or invalid."""
    try:
        return canonical(str(resources["memory"]))
    except (KeyError, QuantityError):
        return None


async def read_node_labels(client: Client, name: str) -> dict[str, str]:
    """Read the Node's labels.

    Raises:
        API_ERRORS: The API server cannot be reached, or refuses (ApiError).
    """
    metadata = (await client.get_metadata(Node, name)).get("metadata") or {}
    return dict(metadata.get("labels") or {})


async def _get(client: Client, name: str) -> Manifest | None:
    try:
        return await client.get(OOMNode, name)
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return None
        raise


async def _create(client: Client, name: str) -> None:
    """Create the OOMNode, owned by the Node, so that it is deleted with it."""
    node = await client.get_metadata(Node, name)
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
    wanted = {"metadata": {"name": name, "ownerReferences": [owner]}}
    await client.create(OOMNode, wanted)
