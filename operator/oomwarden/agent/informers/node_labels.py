"""The labels of the agent's own node, for nodeSelector: asked for once a minute, or as set.

RBAC cannot bind a watch to the own node, so the agent may only get one by its name.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from oomwarden.core.objects.passed_over import error_words
from oomwarden.kube.transport.errors import API_ERRORS, classify_error

ASK_SECONDS = 60.0
ASK_AGAIN_SECONDS = 5.0
_LOG = logging.getLogger(__name__)

Labels = dict[str, str]


@dataclass(slots=True)
class NodeLabels:
    """`labels` None: not known yet; `version` rises with every change."""

    changed: Callable[[], None]
    version: int = 0
    labels: Labels | None = None
    progress: float = 0.0

    async def run(self, ask: Callable[[], Awaitable[Labels]], seconds: float = ASK_SECONDS) -> None:
        """Ask again and again after so many seconds; `ask` raises one of API_ERRORS."""
        while True:
            pause = seconds if await self.look(ask) else ASK_AGAIN_SECONDS
            self.progress = time.monotonic()
            await asyncio.sleep(pause * random.uniform(0.8, 1.0))  # noqa: S311 - jitter

    async def look(self, ask: Callable[[], Awaitable[Labels]]) -> bool:
        """Ask once; False: what was known stays."""
        try:
            fresh = await ask()
        except API_ERRORS as error:
            _LOG.warning(
                "the labels of this node are not known anew: %s", classify_error(error).reason
            )
            return False
        except Exception as error:  # noqa: BLE001 - whatever an answer makes it raise
            _LOG.warning("the labels of this node cannot be read: %s", error_words(error))
            return False
        if fresh != self.labels:
            self.labels = fresh
            self.version += 1
            self.changed()
        return True
