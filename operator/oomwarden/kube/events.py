"""Events that stand for themselves: created once, and never changed."""

import asyncio
import secrets
from typing import Any

from oomwarden.core.records.event_series import EventSeries
from oomwarden.kube.oomkill_writer import deliver
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, Failure, Outcome, failure
from oomwarden.kube.transport.resources import Event

DEADLINE_SECONDS = 30.0


async def post(client: Client, event: dict[str, Any]) -> Failure:
    """Create an Event; one that has its name already is it."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await client.create(Event.from_dict(event))
    except TimeoutError:
        return Failure(Outcome.RETRY, f"no answer within {DEADLINE_SECONDS:.0f} s")
    except API_ERRORS as error:
        told = failure(error)
        return Failure(Outcome.DONE, "") if told.outcome is Outcome.EXISTS else told
    return Failure(Outcome.DONE, "")


async def post_own(client: Client, event: dict[str, Any]) -> Failure:
    """Create an Event of an agent's; where somebody else's has its name, under another one."""
    one = EventSeries(event, event, 1)
    told = await deliver(client, one)
    if told.taken is not None:
        told = await deliver(client, one.under(secrets.token_hex(8)))
    if told.taken is not None:
        return Failure(Outcome.RETRY, f"its name is taken by {told.taken}")
    if told.undeliverable is not None:
        return Failure(Outcome.UNDELIVERABLE, told.undeliverable)
    return told.retry or Failure(Outcome.DONE, "")
