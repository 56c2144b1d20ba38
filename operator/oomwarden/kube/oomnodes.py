"""The OOMNode of an agent's node."""

import logging
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from pydantic import ValidationError

from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.core.ledger.rebuild import RecordedKills, recorded
from oomwarden.core.model.quantity import QuantityError, canonical
from oomwarden.core.objects.needed_fields import without_large_metadata
from oomwarden.core.objects.passed_over import error_words, name_of
from oomwarden.core.quota.pressure import YOUNG_SECONDS
from oomwarden.kube.pressure import published
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.resources import Node, OOMKill, OOMNode

Manifest = dict[str, Any]
_LOG = logging.getLogger(__name__)


async def previous(client: Client, name: str) -> OOMNodeStatus | None:
    """Read what the agent of this node wrote last; None: nothing, or nothing that can be read.

    Raises:
        httpx2.HTTPError: when the API server cannot be asked (ApiError: when it refuses).
    """
    found = await _get(client, name)
    if found is None or not found.get("status"):
        return None
    try:
        return OOMNodeStatus.model_validate(found["status"])
    except ValidationError:  # of another version, which said other things
        return None


async def write_status(client: Client, name: str, status: OOMNodeStatus) -> None:
    """Write the status; where the OOMNode is missing, create it, owned by the Node.

    Raises:
        httpx2.HTTPError: when it was not written; try again later.
    """
    node = await _get(client, name) or await _create(client, name)
    node["status"] = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    await client.replace(OOMNode.Status.from_dict(node), name)


async def list_recorded_ranges(
    client: Client, name: str, boot_id: str, namespace: str
) -> RecordedKills:
    """Sum up what this node's OOMKills tell of this boot; `namespace` is the release's.

    Raises:
        httpx2.HTTPError: when the API server cannot be asked (ApiError: when it refuses).
    """
    node = await _get(client, name) or {}
    since = _since(node, boot_id)
    # Not by label: a label's value has 63 characters at most, a node's name 253.
    of_node = ListOptions(OOMKill, fields=f"node={name}")
    kills = (await client.listing(of_node, None, _without_memory)).objects
    young_from = datetime.now(UTC) - timedelta(seconds=await _kept_seconds(client, namespace))
    kept_from = young_from.strftime("%Y-%m-%dT%H:%M:%SZ")
    known = [each for each in kills if _is_readable(each, boot_id, kept_from)]
    return recorded(known, boot_id, since, kept_from)


def _since(node: Manifest, boot_id: str) -> str | None:
    """Tell when the node got its OOMNode, if that was in this boot."""
    try:
        of_boot = node["status"]["kernel"]["bootID"] == boot_id
        return str(node["metadata"]["creationTimestamp"]) if of_boot else None
    except (KeyError, TypeError):  # there is none, or its status is of another version
        return None


def _is_readable(kill: Manifest, boot_id: str, kept_from: str) -> bool:
    """Whether a record can be summed up: what another version has stored may be of any shape."""
    try:
        recorded([kill], boot_id, None, kept_from)
    except Exception as error:  # noqa: BLE001 - whatever is missing in it
        name, why = name_of("OOMKill", kill), error_words(error)
        _LOG.warning("%s cannot be read, and counts as missing: %s", name, why)
        return False
    return True


def _without_memory(kill: Manifest) -> Manifest:
    """Leave out what the books do not ask for, and what is largest."""
    return {key: part for key, part in without_large_metadata(kill).items() if key != "memory"}


async def _kept_seconds(client: Client, namespace: str) -> float:
    """Ask how young a record must be to be there for sure."""
    try:
        pressure = await published(client, namespace)
    except ApiError as error:
        if error.status.code != HTTPStatus.FORBIDDEN:  # an older release's rights
            raise
        pressure = None
    return pressure.kept_seconds if pressure else YOUNG_SECONDS


async def memory(client: Client, name: str) -> tuple[str | None, str | None]:
    """Read the Node's memory capacity and allocatable, as quantities in our own spelling.

    A kubelet whose eviction thresholds are percentages tells fractions of a byte (...400m).

    Raises:
        httpx2.HTTPError: when the API server cannot be asked (ApiError: when it refuses).
    """
    status = (await client.get(Node, name)).get("status") or {}
    capacity, allocatable = (status.get(key) or {} for key in ("capacity", "allocatable"))
    return _amount(capacity), _amount(allocatable)


def _amount(resources: Manifest) -> str | None:
    """Give an amount that OOMNode can hold; None: the Node tells none, or none that is one."""
    try:
        return canonical(str(resources["memory"]))
    except (KeyError, QuantityError):
        return None


async def labels(client: Client, name: str) -> dict[str, str]:
    """Read the Node's labels.

    Raises:
        httpx2.HTTPError: when the API server cannot be asked (ApiError: when it refuses).
    """
    metadata = (await client.get(Node, name)).get("metadata") or {}
    return dict(metadata.get("labels") or {})


async def _get(client: Client, name: str) -> Manifest | None:
    try:
        found: Manifest = await client.get(OOMNode, name)
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return None
        raise
    return found


async def _create(client: Client, name: str) -> Manifest:
    """Create the OOMNode so that it goes with its Node."""
    node = await client.get(Node, name)
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
    wanted = {"metadata": {"name": name, "ownerReferences": [owner]}}
    made: Manifest = await client.create(OOMNode.from_dict(wanted))
    return made
