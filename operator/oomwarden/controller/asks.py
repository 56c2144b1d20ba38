"""kopf's part of setting limits: what the nodes' agents ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import kopf

from oomwarden.controller.policies import NODES, node_status
from oomwarden.controller.resizes import Resizer


@dataclass(slots=True, eq=False)
class AskHandlers:
    """Feeds a Resizer."""

    resizer: Resizer

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Put the handler into a registry."""
        kopf.on.event(*NODES, registry=registry, id="asks")(self.node_changed)

    async def node_changed(
        self,
        type: str | None,  # noqa: A002 - kopf's name for it
        name: str,
        status: Mapping[str, Any],
        **_: Any,  # noqa: ANN401 - whatever else kopf passes
    ) -> None:
        """Take what the node's agent asks for now."""
        told = None if type == "DELETED" else node_status(name, status)
        self.resizer.take(name, told.resizes if told else ())
