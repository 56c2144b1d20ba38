"""Posts an OOMKill and its Event exactly once, however often the write is retried."""

import asyncio
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.objects.unreadable import describe_error
from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import (
    API_ERRORS,
    ApiError,
    WriteOutcome,
    WriteResult,
    classify_error,
)
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import Event, OOMKill, Resource

DEADLINE_SECONDS = 30.0
"""Of a whole delivery. The client's time-outs start again with each byte that is read."""
FOREIGN_EVENT_DENIAL = "An agent writes its own Events only"
"""Message of the admission policy (the chart's node-bound.yaml) for an Event of another writer."""
_NAME_LENGTH = 253


class RecordedPrefix(Struct, frozen=True):
    """The stored OOMKill covers only the beginning of the range; the rest needs its own record.

    Attributes:
        to: Counter value at which the stored record ends.
        kills: Number of kills in the stored record.
    """

    to: int
    kills: int


class Delivery(Struct, frozen=True):
    """The result of a delivery. All fields have their defaults if it succeeded.

    Attributes:
        retry: Why and how to retry.
        undeliverable: Why not to retry.
        recorded_prefix: What the stored record covers, if it ends before this one.
        name_taken_by: The object of another writer with the same name; another name is needed.
        event_expired: Whether the Event whose series was to be updated no longer exists.
    """

    retry: WriteResult | None = None
    undeliverable: str | None = None
    recorded_prefix: RecordedPrefix | None = None
    name_taken_by: str | None = None
    event_expired: bool = False


async def deliver(client: Client, what: Manifest | EventSeries) -> Delivery:
    """Create an OOMKill, or create an Event or update its series. Raises nothing."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            if isinstance(what, EventSeries):
                return await _post_event(client, what)
            return await _post_record(client, what)
    except TimeoutError as error:
        client.errors.add(error)
        reason = f"the API server did not answer within {DEADLINE_SECONDS:.0f} s"
        return Delivery(retry=WriteResult(WriteOutcome.RETRY, reason, server_wide=True))
    except Exception as error:  # noqa: BLE001 - any response or object may cause one
        return Delivery(
            retry=WriteResult(WriteOutcome.RETRY, describe_error(error), refused=True, invalid=True)
        )


async def _post_record(client: Client, oomkill: Manifest) -> Delivery:
    result = await _create(client, OOMKill, oomkill)
    if result.outcome is WriteOutcome.EXISTS:
        return await _compare(client, oomkill)
    return _delivery(result)


async def _create(client: Client, resource: Resource, manifest: Manifest) -> WriteResult:
    try:
        await client.post(resource, manifest)
    except API_ERRORS as error:
        return classify_error(error)
    return WriteResult(WriteOutcome.DONE, "")


async def _compare(client: Client, oomkill: Manifest) -> Delivery:
    """Compare with the stored object: the same range, only its beginning, or another record."""
    metadata = oomkill["metadata"]
    try:
        stored = await client.get(OOMKill, metadata["name"], namespace=metadata["namespace"])
    except API_ERRORS as error:
        # Every error may pass. After a 404, the record was just deleted, and is created again.
        return Delivery(retry=classify_error(error))
    if _identity(oomkill) != _identity(stored):
        node = str(stored.get("node"))[:_NAME_LENGTH]
        name = f"{metadata['namespace']}/{metadata['name']}"
        return Delivery(name_taken_by=f"OOMKill {name}, written for node {node}")
    end = stored["evidence"]["to"]
    shorter = end < oomkill["evidence"]["to"]
    return Delivery(recorded_prefix=RecordedPrefix(end, stored["kills"]) if shorter else None)


def _identity(kill: Manifest) -> tuple[Any, ...]:
    """Return the pod of a record, its counter, and where its range begins.

    Admission binds the node to the writer's token, so that no other writer can create this node's
    records. The container's name is no part of it: after the loss of the store, the same range
    may be recorded again without the name.
    """
    evidence = kill.get("evidence") or {}
    keys = ("bootID", "cgroup", "level", "from")
    counter = (*(evidence.get(key) for key in keys), evidence.get("epoch", 0))
    return (kill.get("node"), (kill.get("pod") or {}).get("uid"), *counter)


async def _post_event(client: Client, event: EventSeries) -> Delivery:
    """Create the Event, or set its series to the current count, which is idempotent."""
    if event.posted_count == 0:
        result = await _create(client, Event, event.manifest())
        if result.outcome is not WriteOutcome.EXISTS:
            return _delivery(result)
    return await _update_series(client, event)


async def _update_series(client: Client, event: EventSeries) -> Delivery:
    """Update the series. The response shows who wrote the Event, even if nothing changes."""
    metadata = event.first["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    try:
        stored = await client.patch(
            Event,
            metadata["name"],
            Patch(event.patch(), PatchType.MERGE),
            metadata["namespace"],
        )
    except API_ERRORS as error:
        if _is_not_found(error):
            return Delivery(event_expired=True)
        result = classify_error(error)
        if FOREIGN_EVENT_DENIAL in result.reason:
            return Delivery(name_taken_by=f"Event {name}")
        return _delivery(result)
    same = _reporter_and_subject(stored) == _reporter_and_subject(event.first)
    return Delivery() if same else Delivery(name_taken_by=f"Event {name}")


def _reporter_and_subject(event: Manifest) -> tuple[Any, ...]:
    uid = (event.get("regarding") or {}).get("uid")
    return (event.get("reportingController"), event.get("reportingInstance"), uid)


def _is_not_found(error: Exception) -> bool:
    """Return whether the Event is gone. The API server deletes it after an hour (--event-ttl)."""
    return isinstance(error, ApiError) and error.status.code == HTTPStatus.NOT_FOUND


def _delivery(result: WriteResult) -> Delivery:
    match result.outcome:
        case WriteOutcome.RETRY:
            return Delivery(retry=result)
        case WriteOutcome.UNDELIVERABLE:
            return Delivery(undeliverable=result.reason)
        case _:
            return Delivery()
