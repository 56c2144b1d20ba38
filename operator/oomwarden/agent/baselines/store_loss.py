"""Whether an earlier store of this node was lost: oomwarden's values may then be in place.

The answer stays in the store until the store has every container that was there. An agent that
ends before that leaves the answer to the next one, whose store is not new any more.
"""

import asyncio
import logging
import sqlite3
from functools import partial

from oomwarden.agent.baselines.scores import Baselines
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.runtime.poll_backoff import PollBackoff
from oomwarden.agent.store.database import UNASKED, Database
from oomwarden.core.log_line.keys import about
from oomwarden.kube import oomnodes
from oomwarden.kube.transport.client import Client
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

ASK_AGAIN_SECONDS = 5.0, 60.0
_LOST, _NONE = "lost", "none"
_LOG = logging.getLogger(__name__)


async def store_was_lost(store: Database, client: Client, node: str, boot_id: str) -> bool:
    """Return whether OOMNode names another store of this boot; only a new store has to ask.

    This waits for the API server without a bound: without policies nothing is enforced anyway. The
    agent must not write its OOMNode before.
    """
    known = await store.run(_known)
    if known != UNASKED:
        return known == _LOST
    backoff = PollBackoff(*ASK_AGAIN_SECONDS)
    while True:
        try:
            before = await oomnodes.read_status(client, node)
        except API_ERRORS as error:
            failure = classify_error(error)
            _LOG.warning(
                "enforcement waits for OOMNode %s: %s",
                node,
                failure.reason,
                extra=about(error_keys(failure), kind="OOMNode", name=node),
            )
            await asyncio.sleep(backoff.failed())
            continue
        lost = (
            before is not None
            and before.kernel.boot_id == boot_id
            and before.agent.store_id != store.store_id
        )
        await store.run(partial(_keep, lost=lost))
        return lost


async def forget_loss(baselines: Baselines, inventory: Inventory) -> None:
    """Drop the note that a store was lost, once every container it may have known has a baseline.

    Raises:
        sqlite3.Error: the note is kept.
    """
    if baselines.store_lost and not baselines.loss_forgotten and _is_known(baselines, inventory):
        await baselines.store.run(partial(_keep, lost=False))
        baselines.forget_loss()


def _is_known(baselines: Baselines, inventory: Inventory) -> bool:
    """Return whether every container found at the start has a saved baseline; pause has none."""
    existed = [each for each in inventory.containers.values() if each.existed]
    named = [each for each in existed if each.name or inventory.container(each)]
    return inventory.synced and bool(named) and all(map(baselines.is_saved, named))


def _known(db: sqlite3.Connection) -> str:
    """Load the answer; a store of an agent that did not keep it has none."""
    row = db.execute("SELECT value FROM meta WHERE key = 'history'").fetchone()
    return str(row[0]) if row else _NONE


def _keep(db: sqlite3.Connection, *, lost: bool) -> None:
    found = _LOST if lost else _NONE
    db.execute("UPDATE meta SET value = ? WHERE key = 'history'", (found,))
