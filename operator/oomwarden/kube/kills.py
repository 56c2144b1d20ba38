"""Posting a record, and its Event, exactly once however often it is tried."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.generic_resource import GenericNamespacedResource
from lightkube.types import PatchType

from oomwarden.core.event_series import EventSeries
from oomwarden.kube.client import Client
from oomwarden.kube.errors import API_ERRORS, Failure, Outcome, failure
from oomwarden.kube.resources import Event, OOMKill

DEADLINE_SECONDS = 30.0
"""For all of a delivery: the client's own timeouts begin anew with each byte that is read."""
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Covered:
    """The stored record of our name ends at `to` and tells `kills`; the rest needs its own."""

    to: int
    kills: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a record or an Event; delivered, where nothing else is said.

    `retry` tells why and how to try again, `undeliverable` why not to. `forgotten`: the Event whose
    series was to be raised is no longer there.
    """

    retry: Failure | None = None
    undeliverable: str | None = None
    covered: Covered | None = None
    forgotten: bool = False


async def deliver(client: Client, what: Manifest | EventSeries) -> Delivery:
    """Create the OOMKill, or create the Event or raise its series."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            if isinstance(what, EventSeries):
                return await _tell(client, what)
            return await _record(client, what)
    except TimeoutError:
        reason = f"the API server did not answer within {DEADLINE_SECONDS:.0f} s"
        return Delivery(retry=Failure(Outcome.RETRY, reason, everywhere=True))


async def _record(client: Client, oomkill: Manifest) -> Delivery:
    made = await _create(client, OOMKill, oomkill)
    return await _compare(client, oomkill) if made.outcome is Outcome.EXISTS else _delivery(made)


async def _create(
    client: Client, resource: type[GenericNamespacedResource], manifest: Manifest
) -> Failure:
    try:
        await client.create(resource.from_dict(manifest))
    except API_ERRORS as error:
        return failure(error)
    return Failure(Outcome.DONE, "")


async def _compare(client: Client, oomkill: Manifest) -> Delivery:
    """Look at what stands under our name: all that we tell, only its beginning, or another's."""
    metadata = oomkill["metadata"]
    try:
        stored = await client.get(OOMKill, metadata["name"], namespace=metadata["namespace"])
    except API_ERRORS as error:
        # Whatever it is, it may mend; not found: it was deleted just now, and is created again.
        return Delivery(retry=failure(error))
    ours, theirs = oomkill["evidence"], stored["evidence"]
    if _account(ours) != _account(theirs):
        return Delivery(undeliverable=f"an OOMKill of another counter is called {metadata['name']}")
    shorter = theirs["to"] < ours["to"]
    return Delivery(covered=Covered(theirs["to"], stored["kills"]) if shorter else None)


def _account(evidence: Manifest) -> tuple[Any, ...]:
    keys = ("bootID", "cgroup", "epoch", "from")
    return tuple(evidence.get(key, 0) for key in keys)


async def _tell(client: Client, event: EventSeries) -> Delivery:
    """Create the Event, or raise its series to the count of now: a repetition changes nothing."""
    if event.told == 0:
        made = await _create(client, Event, event.manifest())
        if made.outcome is not Outcome.EXISTS or not event.patch():
            return _delivery(made)
    return await _raise(client, event)


async def _raise(client: Client, event: EventSeries) -> Delivery:
    metadata = event.first["metadata"]
    try:
        await client.patch(
            Event,
            metadata["name"],
            event.patch(),
            namespace=metadata["namespace"],
            patch_type=PatchType.MERGE,
        )
    except API_ERRORS as error:
        return Delivery(forgotten=True) if _is_forgotten(error) else _delivery(failure(error))
    return Delivery()


def _is_forgotten(error: Exception) -> bool:
    """Whether the Event's time to live has passed (an hour, kube-apiserver's --event-ttl)."""
    return isinstance(error, ApiError) and error.status.code == HTTPStatus.NOT_FOUND


def _delivery(made: Failure) -> Delivery:
    match made.outcome:
        case Outcome.RETRY:
            return Delivery(retry=made)
        case Outcome.UNDELIVERABLE:
            return Delivery(undeliverable=made.reason)
        case _:
            return Delivery()
