"""The kopf handlers: ClusterOOMPolicies are watched, and nothing is written through kopf.

Only event handlers and an index: handlers that keep state would put finalizers and annotations on
users' objects, and a namespace could not be deleted while the operator is down. What tenants and
nodes write (OOMPolicies, OOMNodes, OOMKills) is not watched through kopf, which keeps whole objects
in memory.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import kopf

from oomwarden.api.vocabulary import GROUP, VERSION
from oomwarden.controller.policies.oompolicy_cache import PolicyState, policy_state
from oomwarden.controller.policies.policy_queue import PolicyQueue
from oomwarden.core.policy.policy import PolicyKey

_KIND = "ClusterOOMPolicy"
_POLICIES = (GROUP, VERSION, "clusteroompolicies")


class ClusterPolicyIndex(Mapping[PolicyKey, Collection[PolicyState]]):
    """A view of kopf's index of ClusterOOMPolicies; empty until kopf has started."""

    def __init__(self) -> None:
        self._index: Mapping[PolicyKey, Collection[PolicyState]] = {}

    def bind(self, index: Mapping[PolicyKey, Collection[PolicyState]]) -> None:
        """Show kopf's index, which exists only once kopf runs."""
        self._index = index

    def __getitem__(self, key: PolicyKey) -> Collection[PolicyState]:
        return self._index[key]

    def __iter__(self) -> Iterator[PolicyKey]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


@dataclass(frozen=True, slots=True)
class PolicyHandlers:
    """Fill the work queue and the index. All are coroutines: kopf runs plain functions in threads.

    Attributes:
        queue: Gets each policy that has changed.
        index: Shows kopf's index from kopf's start on.
    """

    queue: PolicyQueue
    index: ClusterPolicyIndex

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Register the handlers."""
        kopf.on.startup(registry=registry, id="start")(self.start)
        kopf.index(*_POLICIES, registry=registry, id="policies")(self.index_policy)
        kopf.on.event(*_POLICIES, registry=registry, id="policy")(self.policy_changed)

    async def start(self, **indices: Any) -> None:  # noqa: ANN401 - named by the ids above
        """Bind kopf's index, which kopf fills before it calls the first event handler."""
        self.index.bind(indices["policies"])

    async def index_policy(
        self,
        body: Mapping[str, Any],
        **_: Any,  # noqa: ANN401 - whatever else kopf passes
    ) -> dict[PolicyKey, PolicyState]:
        """Return what the index keeps of a policy."""
        key, state = policy_state(dict(body), _KIND)
        return {key: state}

    async def policy_changed(
        self,
        body: Mapping[str, Any],
        **_: Any,  # noqa: ANN401 - whatever else kopf passes
    ) -> None:
        """Queue a policy that is new, has changed, or whose status was written."""
        self.queue.add([policy_state(dict(body), _KIND)[0]])
