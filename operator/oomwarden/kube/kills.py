"""Posting a record and its Event, exactly once however often it is tried."""

from dataclasses import dataclass
from typing import Any

from lightkube.generic_resource import GenericNamespacedResource

from oomwarden.kube.client import Client
from oomwarden.kube.errors import API_ERRORS, Failure, Outcome, failure
from oomwarden.kube.resources import Event, OOMKill

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a record: delivered, undeliverable for a reason, or to be tried again.

    `retry_after` in seconds (0: when the caller likes), None: do not. `covered_to`: delivered, but
    the stored record of this name ends there; the rest needs a record of its own. `reason` says
    what stood in the way, also of the Event of a delivered record.
    """

    retry_after: float | None = None
    undeliverable: str | None = None
    covered_to: int | None = None
    reason: str = ""


async def deliver(client: Client, oomkill: Manifest, event: Manifest | None) -> Delivery:
    """Create the OOMKill, then the Event; neither a second time."""
    made = await _create(client, OOMKill, oomkill)
    if made.outcome is Outcome.EXISTS:
        told = await _compare(client, oomkill)
    else:
        told = _as_delivery(made)
    if event is None or told.retry_after is not None or told.undeliverable is not None:
        return told
    return _with_event(told, await _create(client, Event, event))


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
        # Not found: it was deleted just now, and may be created again.
        return Delivery(retry_after=failure(error).after, reason=failure(error).reason)
    ours, theirs = oomkill["evidence"], stored["evidence"]
    if _account(ours) != _account(theirs):
        return Delivery(undeliverable=f"an OOMKill of another counter is called {metadata['name']}")
    return Delivery(covered_to=theirs["to"]) if theirs["to"] < ours["to"] else Delivery()


def _account(evidence: Manifest) -> tuple[Any, ...]:
    keys = ("bootID", "cgroup", "epoch", "from")
    return tuple(evidence.get(key, 0) for key in keys)


def _as_delivery(made: Failure) -> Delivery:
    match made.outcome:
        case Outcome.RETRY:
            return Delivery(retry_after=made.after, reason=made.reason)
        case Outcome.UNDELIVERABLE:
            return Delivery(undeliverable=made.reason, reason=made.reason)
        case _:
            return Delivery()


def _with_event(told: Delivery, made: Failure) -> Delivery:
    """Try all of it again for the Event's sake; an Event that can never be does not undo it."""
    if made.outcome is Outcome.RETRY:
        return Delivery(retry_after=made.after, reason=f"Event: {made.reason}")
    if made.outcome is Outcome.UNDELIVERABLE:
        return Delivery(covered_to=told.covered_to, reason=f"no Event: {made.reason}")
    return told
