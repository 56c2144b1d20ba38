"""Whether an earlier store of this node was lost: values of ours may then be in place."""

import asyncio
import logging

from oomwarden.agent.store import Store
from oomwarden.kube import nodes
from oomwarden.kube.client import Client
from oomwarden.kube.errors import API_ERRORS, failure

ASK_AGAIN_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


async def store_was_lost(store: Store, client: Client, node: str, boot_id: str) -> bool:
    """Ask OOMNode, which names the store that its writer had; only a new store has to ask.

    Waits for the API server as long as it takes: without policies nothing is enforced anyway.
    """
    while store.fresh:
        try:
            before = await nodes.previous(client, node)
        except API_ERRORS as error:
            _LOG.warning("enforcement waits for OOMNode %s: %s", node, failure(error).reason)
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            continue
        return (
            before is not None
            and before.kernel.boot_id == boot_id
            and before.agent.store_id != store.store_id
        )
    return False
