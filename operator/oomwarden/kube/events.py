"""Single Events, which are created once and never updated."""

import asyncio
import secrets
from typing import Any

from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.oomkill_writer import deliver
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, WriteOutcome, WriteResult, classify_error
from oomwarden.kube.transport.resources import Event

DEADLINE_SECONDS = 30.0


async def post(client: Client, event: dict[str, Any]) -> WriteResult:
    """Create an Event. An existing Event with this name counts as success."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await client.create(Event, event)
    except TimeoutError as error:
        client.errors.add(error)
        reason = f"the API server did not answer within {DEADLINE_SECONDS:.0f} s"
        return WriteResult(WriteOutcome.RETRY, reason)
    except API_ERRORS as error:
        result = classify_error(error)
        if result.outcome is not WriteOutcome.EXISTS:
            return result
    return WriteResult(WriteOutcome.DONE, "")


async def post_own(client: Client, event: dict[str, Any]) -> WriteResult:
    """Create an Event of the agent, with another name if someone else's Event has its name."""
    series = EventSeries(event, event, 1)
    delivery = await deliver(client, series)
    if delivery.name_taken_by is not None:
        delivery = await deliver(client, series.with_salt(secrets.token_hex(8)))
    if delivery.name_taken_by is not None:
        reason = f"another object has its name: {delivery.name_taken_by}"
        return WriteResult(WriteOutcome.RETRY, reason)
    if delivery.undeliverable is not None:
        return WriteResult(WriteOutcome.UNDELIVERABLE, delivery.undeliverable)
    return delivery.retry or WriteResult(WriteOutcome.DONE, "")
