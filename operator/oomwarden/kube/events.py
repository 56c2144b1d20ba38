"""Events that stand for themselves: created once, and never changed."""

import asyncio
import secrets
from typing import Any

from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.oomkill_writer import deliver
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, WriteOutcome, WriteResult, failure
from oomwarden.kube.transport.resources import Event

DEADLINE_SECONDS = 30.0


async def post(client: Client, event: dict[str, Any]) -> WriteResult:
    """Create an Event; one that has its name already is it."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await client.create(Event.from_dict(event))
    except TimeoutError:
        return WriteResult(WriteOutcome.RETRY, f"no answer within {DEADLINE_SECONDS:.0f} s")
    except API_ERRORS as error:
        told = failure(error)
        return WriteResult(WriteOutcome.DONE, "") if told.outcome is WriteOutcome.EXISTS else told
    return WriteResult(WriteOutcome.DONE, "")


async def post_own(client: Client, event: dict[str, Any]) -> WriteResult:
    """Create an Event of an agent's; where somebody else's has its name, under another one."""
    one = EventSeries(event, event, 1)
    told = await deliver(client, one)
    if told.taken is not None:
        told = await deliver(client, one.under(secrets.token_hex(8)))
    if told.taken is not None:
        return WriteResult(WriteOutcome.RETRY, f"its name is taken by {told.taken}")
    if told.undeliverable is not None:
        return WriteResult(WriteOutcome.UNDELIVERABLE, told.undeliverable)
    return told.retry or WriteResult(WriteOutcome.DONE, "")
