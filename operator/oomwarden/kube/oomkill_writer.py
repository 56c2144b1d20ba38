"""Posting a record, and its Event, exactly once however often it is tried."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.generic_resource import GenericNamespacedResource
from lightkube.types import PatchType

from oomwarden.core.objects.passed_over import error_words
from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, WriteOutcome, WriteResult, failure
from oomwarden.kube.transport.resources import Event, OOMKill

DEADLINE_SECONDS = 30.0
"""For all of a delivery: the client's own timeouts begin anew with each byte that is read."""
NOT_OURS = "An agent writes its own Events only"
"""What the admission policy (the chart's node-bound.yaml) says of an Event that another wrote."""
_NAME_LENGTH = 253
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Covered:
    """The stored record of our name ends at `to` and tells `kills`; the rest needs its own."""

    to: int
    kills: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a record or an Event; delivered, where nothing else is said.

    `retry` tells why and how to try again, `undeliverable` why not to. `taken` names the object of
    somebody else that has our name: another name is needed. `forgotten`: the Event whose series was
    to be raised is no longer there.
    """

    retry: WriteResult | None = None
    undeliverable: str | None = None
    covered: Covered | None = None
    taken: str | None = None
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
        return Delivery(retry=WriteResult(WriteOutcome.RETRY, reason, everywhere=True))
    except Exception as error:  # noqa: BLE001 - whatever an answer, or our own text, makes it raise
        return Delivery(
            retry=WriteResult(WriteOutcome.RETRY, error_words(error), refused=True, invalid=True)
        )


async def _record(client: Client, oomkill: Manifest) -> Delivery:
    made = await _create(client, OOMKill, oomkill)
    return (
        await _compare(client, oomkill) if made.outcome is WriteOutcome.EXISTS else _delivery(made)
    )


async def _create(
    client: Client, resource: type[GenericNamespacedResource], manifest: Manifest
) -> WriteResult:
    try:
        await client.create(resource.from_dict(manifest))
    except API_ERRORS as error:
        return failure(error)
    return WriteResult(WriteOutcome.DONE, "")


async def _compare(client: Client, oomkill: Manifest) -> Delivery:
    """Look at what stands under our name: all that we tell, only its beginning, or another's."""
    metadata = oomkill["metadata"]
    try:
        stored = await client.get(OOMKill, metadata["name"], namespace=metadata["namespace"])
    except API_ERRORS as error:
        # Whatever it is, it may mend; not found: it was deleted just now, and is created again.
        return Delivery(retry=failure(error))
    if _identity(oomkill) != _identity(stored):
        node = str(stored.get("node"))[:_NAME_LENGTH]
        name = f"{metadata['namespace']}/{metadata['name']}"
        return Delivery(taken=f"OOMKill {name}, written for node {node}")
    ours, theirs = oomkill["evidence"], stored["evidence"]
    shorter = theirs["to"] < ours["to"]
    return Delivery(covered=Covered(theirs["to"], stored["kills"]) if shorter else None)


def _identity(kill: Manifest) -> tuple[Any, ...]:
    """Tell whose record it is, and of which counter from where on.

    Admission binds the node to the writer's token, so that nobody else can write ours. Not the
    container: after a lost store the same range may be told again without its name.
    """
    evidence = kill.get("evidence") or {}
    keys = ("bootID", "cgroup", "level", "from")
    counter = (*(evidence.get(key) for key in keys), evidence.get("epoch", 0))
    return (kill.get("node"), (kill.get("pod") or {}).get("uid"), *counter)


async def _tell(client: Client, event: EventSeries) -> Delivery:
    """Create the Event, or raise its series to the count of now: a repetition changes nothing."""
    if event.posted_count == 0:
        made = await _create(client, Event, event.manifest())
        if made.outcome is not WriteOutcome.EXISTS:
            return _delivery(made)
    return await _raise(client, event)


async def _raise(client: Client, event: EventSeries) -> Delivery:
    """Raise the series; the answer shows whose Event it is, also where nothing is to be changed."""
    metadata = event.first["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    try:
        stored = await client.patch(
            Event,
            metadata["name"],
            event.patch(),
            namespace=metadata["namespace"],
            patch_type=PatchType.MERGE,
        )
    except API_ERRORS as error:
        if _is_forgotten(error):
            return Delivery(forgotten=True)
        told = failure(error)
        return Delivery(taken=f"Event {name}") if NOT_OURS in told.reason else _delivery(told)
    return Delivery() if _about(stored) == _about(event.first) else Delivery(taken=f"Event {name}")


def _about(event: Manifest) -> tuple[Any, ...]:
    uid = (event.get("regarding") or {}).get("uid")
    return (event.get("reportingController"), event.get("reportingInstance"), uid)


def _is_forgotten(error: Exception) -> bool:
    """Whether the Event's time to live has passed (an hour, kube-apiserver's --event-ttl)."""
    return isinstance(error, ApiError) and error.status.code == HTTPStatus.NOT_FOUND


def _delivery(made: WriteResult) -> Delivery:
    match made.outcome:
        case WriteOutcome.RETRY:
            return Delivery(retry=made)
        case WriteOutcome.UNDELIVERABLE:
            return Delivery(undeliverable=made.reason)
        case _:
            return Delivery()
