"""What the log says of requests for memory limits."""

import logging
from typing import Unpack

from oomwarden.api.oomnode import Resize
from oomwarden.core.log_line.keys import LogKeys, about

_LOG = logging.getLogger(__name__)


def log_request(
    request: Resize,
    became: str,
    *known: LogKeys,
    level: int = logging.INFO,
    **keys: Unpack[LogKeys],
) -> None:
    """Log what became of a request.

    Args:
        request: The request.
        became: The sentence, after the name of its container.
        known: What else the line is about.
        level: The level.
        keys: As `known`.
    """
    kind, _, policy = request.policy.partition(" ")
    found: LogKeys = {
        "kind": "Pod",
        "namespace": request.namespace,
        "name": request.pod,
        "container": request.container,
        "policy": f"{kind}/{policy.rpartition('/')[2]}" if policy else None,
    }
    _LOG.log(
        level,
        "container %s of pod %s/%s %s",
        request.container,
        request.namespace,
        request.pod,
        became,
        extra=about(found, *known, keys),
        stacklevel=2,  # a flood of one kind leaves the others alone
    )
