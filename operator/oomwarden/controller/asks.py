"""kopf's part of setting limits: what the nodes' agents ask for."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import kopf
from pydantic import ValidationError

from oomwarden.api.oomnode import Resize
from oomwarden.controller.policies import NODES
from oomwarden.controller.resizes import Resizer

_LOG = logging.getLogger(__name__)


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
        told = () if type == "DELETED" else status.get("resizes") or ()
        try:
            asked = [Resize.model_validate(each) for each in told]
        except ValidationError as error:
            _LOG.warning("what node %s asks for is left out: %s", name, error)
            asked = []
        self.resizer.take(name, asked)
