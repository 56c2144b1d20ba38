"""The labels of the agent's own node, for nodeSelector, polled once a minute by default.

RBAC cannot restrict a watch to one node by name, so the agent may only get its own Node.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from oomwarden.agent.runtime.poll_backoff import PollBackoff
from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.model.pod import Labels
from oomwarden.core.objects.unreadable import describe_error
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys

REFRESH_SECONDS = 60.0
FIRST_RETRY_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


class NodeLabels(Struct):
    """The labels of the agent's own node."""

    changed: Callable[[], None]
    version: int = 0
    """Incremented with every change."""
    labels: Labels | None = None
    """None if they are not known yet."""
    progress: float = 0.0

    async def run(
        self, fetch: Callable[[], Awaitable[Labels]], seconds: float = REFRESH_SECONDS
    ) -> None:
        """Refresh the labels every `seconds` until cancelled; `fetch` may raise API_ERRORS."""
        backoff = PollBackoff(FIRST_RETRY_SECONDS, max(seconds, FIRST_RETRY_SECONDS))
        while True:
            if await self.refresh(fetch):
                backoff.succeeded()
                pause = seconds * random.uniform(0.8, 1.0)  # noqa: S311 - jitter
            else:
                pause = backoff.failed()
            self.progress = time.monotonic()
            await asyncio.sleep(pause)

    async def refresh(self, fetch: Callable[[], Awaitable[Labels]]) -> bool:
        """Fetch the labels once; return False, and keep the known labels, if that fails."""
        try:
            fresh = await fetch()
        except API_ERRORS as error:
            failure = classify_error(error)
            _LOG.warning(
                "cannot refresh the labels of this node: %s",
                failure.reason,
                extra=about(error_keys(failure), kind="Node"),
            )
            return False
        except Exception as error:  # noqa: BLE001 - an answer may have any shape
            why = describe_error(error)
            _LOG.warning(
                "cannot read the labels of this node: %s",
                why,
                extra=about(kind="Node", reason=UNREADABLE, error=why),
            )
            return False
        if fresh != self.labels:
            self.labels = fresh
            self.version += 1
            self.changed()
        return True
