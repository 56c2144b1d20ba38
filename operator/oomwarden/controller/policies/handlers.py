"""kopf's part: ClusterOOMPolicies are watched. Nothing is written through it.

Only events and indices: handlers that keep state would put finalizers and annotations on users'
objects, and a namespace could not be deleted while the operator is down. What tenants and nodes
write (OOMPolicies, OOMNodes, OOMKills) does not come through kopf, which holds whole objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import kopf

from oomwarden.api.base import GROUP, VERSION
from oomwarden.controller.policies.own_policies import OwnPolicy, kept_policy
from oomwarden.controller.policies.statuses import PolicyStatusWriter
from oomwarden.core.limits.node_report import PolicyKey

_KIND = "ClusterOOMPolicy"
_POLICIES = (GROUP, VERSION, "clusteroompolicies")


@dataclass(slots=True)
class PolicyHandlers:
    """Feeds a PolicyStatusWriter. All handlers are coroutines: kopf runs others in threads."""

    writer: PolicyStatusWriter

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Put the handlers into a registry."""
        kopf.on.startup(registry=registry, id="start")(self.start)
        kopf.index(*_POLICIES, registry=registry, id="policies")(self.index_policy)
        kopf.on.event(*_POLICIES, registry=registry, id="policy")(self.policy_changed)

    async def start(self, **indices: Any) -> None:  # noqa: ANN401 - by the names given above
        """Let the writer read kopf's index: it is whole before the first event is told."""
        self.writer.policies = indices["policies"]

    async def index_policy(
        self,
        body: Mapping[str, Any],
        **_: Any,  # noqa: ANN401 - whatever else kopf passes
    ) -> dict[PolicyKey, OwnPolicy]:
        """Give what is kept of a policy."""
        key, policy = kept_policy(dict(body), _KIND)
        return {key: policy}

    async def policy_changed(
        self,
        body: Mapping[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Sum up a policy that is new, has changed, or whose status was written."""
        self.writer.touch([kept_policy(dict(body), _KIND)[0]])
