"""How many OOMKills the cluster has, from the operator's ConfigMap `oomwarden-pressure`."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from oomwarden.core.log_line.keys import UNREADABLE, about
from oomwarden.core.model.pod import PodFacts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.quota.budget_terms import Reason, terms
from oomwarden.core.quota.pressure import (
    DEFAULT_NODES,
    NAME,
    NO_OPERATOR,
    Pressure,
    from_config_map,
)
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.resources import ConfigMap

STALE_SECONDS = 900.0
"""Without a change for this long, no operator runs: it renews the ConfigMap every 5 minutes."""
STARTUP_SECONDS = 120.0
"""How long the agent waits for the ConfigMap: operator and agents may start together."""
_FIRST = Pressure(nodes=DEFAULT_NODES)
_NAMED = 5
_NO_OPERATOR = (
    "no operator counts and deletes OOMKills, so this node writes only a few and merges the "
    f"others: check that the operator runs and writes ConfigMap {NAME}"
)
_NEAR_BOUND = (
    "there are so many OOMKills that retention.{bound} would keep only a few hours of them: those "
    "of {namespaces} are merged more and have fewer details, and no kill is lost; fix what is "
    "killed again and again, or raise the bound in the chart's values"
)
_BOUNDS = {Reason.CLUSTER: "perCluster", Reason.NAMESPACE: "perNamespace"}
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class PressureCache:
    """The event handler of the ConfigMap's watch, and what it has read last."""

    namespace: str
    """The release's namespace."""
    changed: Callable[[], None]
    """Called when records may be due earlier or later than before."""
    clock: Callable[[], float] = time.monotonic
    """Returns monotonic seconds."""
    _reported: Pressure | None = None
    _content: object = None
    _changed_at: float = field(init=False)
    _started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._changed_at = self._started_at = self.clock()

    @property
    def list_options(self) -> ListOptions:
        """What to watch: the one ConfigMap."""
        return ListOptions(ConfigMap, self.namespace, fields=f"metadata.name={NAME}")

    def current(self) -> Pressure:
        """Return the current pressure; without an operator, that of a node on its own."""
        now = self.clock()
        if self._reported is None:
            return _FIRST if now - self._started_at < STARTUP_SECONDS else NO_OPERATOR
        if now - self._changed_at < STALE_SECONDS:
            return self._reported
        return replace(NO_OPERATOR, nodes=self._reported.nodes)

    def node_count(self) -> int:
        """Return how many nodes have an agent, as far as is known."""
        return (self._reported or NO_OPERATOR).nodes

    def replace(self, objects: list[Manifest]) -> None:
        """Apply the listed ConfigMap; without one, the last content counts until it is stale."""
        for each in objects:
            self.apply(each)

    def apply(self, manifest: Manifest) -> None:
        """Apply the new or changed ConfigMap."""
        if (manifest.get("metadata") or {}).get("name") != NAME:
            return
        content = manifest.get("data")
        pressure = from_config_map(content)
        if pressure is None:
            if content:  # the chart creates it empty
                _LOG.warning(
                    "cannot read ConfigMap %s; its last content stays in effect",
                    NAME,
                    extra=about(kind="ConfigMap", name=NAME, reason=UNREADABLE),
                )
            return
        if content == self._content:
            return  # listed again, which does not show that the operator runs
        before, self._reported = self._reported, pressure
        self._content, self._changed_at = content, self.clock()
        if pressure != before:
            self.changed()

    def delete(self, manifest: Manifest) -> None:
        """Ignore the deletion: the last content counts until it is stale."""

    def merge_remedy(self, pods: Iterable[PodFacts]) -> tuple[str, str]:
        """Return remedy and reason if records of these pods are merged more than usual.

        Returns:
            The condition's message and reason; empty strings if records are merged as usual.
        """
        pressure, namespaces = self.current(), {pod.namespace for pod in pods}
        found = {name: why for name in namespaces if (why := terms(pressure, name).reason)}
        reasons = set(found.values())
        if Reason.OPERATOR in reasons:
            return _NO_OPERATOR, str(Reason.OPERATOR)
        for reason, bound in _BOUNDS.items():
            if reason in reasons:
                named = ", ".join(sorted(found)[:_NAMED])
                named += " and others" if len(found) > _NAMED else ""
                return _NEAR_BOUND.format(bound=bound, namespaces=named), str(reason)
        return "", ""
