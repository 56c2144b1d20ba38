"""kopf's part: what is watched, and which policies it concerns. Nothing is written through it.

Only events and indices: handlers that keep state would put finalizers and annotations on users'
objects, and a namespace could not be deleted while the operator is down.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import kopf
from pydantic import ValidationError

from oomwarden.api.base import GROUP, VERSION
from oomwarden.api.oomnode import OOMNodeStatus
from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.statuses import Policy, PolicyKey, StatusWriter, reports_of
from oomwarden.core.cautions import caution
from oomwarden.core.policy_status import NodeReport

NODES = (GROUP, VERSION, "oomnodes")
_POLICIES = ((GROUP, VERSION, "oompolicies"), (GROUP, VERSION, "clusteroompolicies"))
_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PolicyHandlers:
    """Feeds a StatusWriter. All handlers are coroutines: kopf runs others in threads."""

    writer: StatusWriter

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Put the handlers into a registry."""
        kopf.on.startup(registry=registry, id="start")(self.start)
        kopf.index(*NODES, registry=registry, id="reports")(self.index_node)
        kopf.on.event(*NODES, registry=registry, id="node")(self.node_changed)
        for kind in _POLICIES:
            kopf.index(*kind, registry=registry, id="policies")(self.index_policy)
            kopf.on.event(*kind, registry=registry, id="policy")(self.policy_changed)

    async def start(self, **indices: Any) -> None:  # noqa: ANN401 - by the names given above
        """Let the writer read kopf's indices: they are whole before the first event is told."""
        self.writer.reports, self.writer.policies = indices["reports"], indices["policies"]

    async def index_node(
        self,
        name: str,
        status: Mapping[str, Any],
        **_: Any,  # noqa: ANN401 - whatever else kopf passes
    ) -> dict[PolicyKey, NodeReport]:
        """Give the node's reports by policy."""
        report = _node_status(name, status)
        return reports_of(name, report) if report else {}

    async def node_changed(
        self,
        type: str | None,  # noqa: A002 - kopf's name for it
        name: str,
        status: Mapping[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Sum up the policies of which the node says another thing than before."""
        self.writer.touch_node(name, None if type == "DELETED" else _node_status(name, status))

    async def index_policy(
        self,
        body: Mapping[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> dict[PolicyKey, Policy]:
        """Give what is kept of a policy."""
        generation = body["metadata"].get("generation", 0)
        status, said = _policy_status(body.get("status")), caution(body["kind"], body["spec"])
        return {_key(body): Policy(generation, status, said)}

    async def policy_changed(
        self,
        body: Mapping[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Sum up a policy that is new, has changed, or whose status was written."""
        self.writer.touch([_key(body)])


def _key(body: Mapping[str, Any]) -> PolicyKey:
    metadata = body["metadata"]
    return PolicyKey(body["kind"], metadata.get("namespace"), metadata["name"])


def _node_status(node: str, status: Mapping[str, Any]) -> OOMNodeStatus | None:
    """Read an OOMNode's status; None: its agent has not written it yet, or not understandably."""
    if not status:
        return None
    try:
        return OOMNodeStatus.model_validate(dict(status))
    except ValidationError as error:
        _LOG.warning("OOMNode %s is left out: %s", node, error)
        return None


def _policy_status(status: Mapping[str, Any] | None) -> PolicyStatus:
    """Read a policy's status; one that cannot be read is written anew."""
    try:
        return PolicyStatus.model_validate(dict(status or {}))
    except ValidationError:
        return PolicyStatus()
