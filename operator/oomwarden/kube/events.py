"""Events that stand for themselves: created once, and never changed."""

import asyncio
from typing import Any

from oomwarden.kube.client import Client
from oomwarden.kube.errors import API_ERRORS, Failure, Outcome, failure
from oomwarden.kube.resources import Event

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
