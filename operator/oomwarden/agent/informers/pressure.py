"""What the operator says of how many OOMKills there are: ConfigMap `oomwarden-pressure`."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from oomwarden.core.model.pod import PodFacts
from oomwarden.core.quota.budget_terms import Reason, terms
from oomwarden.core.quota.pressure import DEFAULT_NODES, NAME, UNATTENDED, Pressure, read
from oomwarden.kube.transport.client import ListOptions
from oomwarden.kube.transport.resources import ConfigMap

STALE_SECONDS = 900.0
"""After so long without a change there is no operator: it renews the ConfigMap each 5 minutes."""
PATIENCE_SECONDS = 120.0
"""For the first word after a start: operator and agents start together."""
_FIRST = Pressure(nodes=DEFAULT_NODES)
_NAMED = 5
_ALONE = (
    "nobody counts and deletes OOMKills, so this node writes few of them and merges the others: "
    f"see whether the operator runs and writes ConfigMap {NAME}"
)
_FULL = (
    "so many OOMKills are written that retention.{bound} would keep a few hours of them: those of "
    "{namespaces} are merged harder and tell less, and no kill is lost; mend what is killed again "
    "and again, or raise the bound in the chart's values"
)
_BOUNDS = {Reason.CLUSTER: "perCluster", Reason.NAMESPACE: "perNamespace"}
_LOG = logging.getLogger(__name__)

Manifest = dict[str, Any]


@dataclass(slots=True)
class PressureWatch:
    """A sink of the watch, in the release's namespace.

    `changed` is called when records may be due sooner or later than before. `clock` gives seconds
    and only goes forward.
    """

    namespace: str
    changed: Callable[[], None] = field(default=lambda: None)
    clock: Callable[[], float] = time.monotonic
    _said: Pressure | None = None
    _content: object = None
    _at: float = field(init=False)
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._at = self._begun = self.clock()

    @property
    def selection(self) -> ListOptions:
        """Give what is to be watched."""
        return ListOptions(ConfigMap, self.namespace, fields=f"metadata.name={NAME}")

    def now(self) -> Pressure:
        """Give what holds now; without an operator the node goes by itself."""
        now = self.clock()
        if self._said is None:
            return _FIRST if now - self._begun < PATIENCE_SECONDS else UNATTENDED
        if now - self._at < STALE_SECONDS:
            return self._said
        return replace(UNATTENDED, nodes=self._said.nodes)

    def nodes(self) -> int:
        """Give how many nodes have an agent, as far as is known."""
        return (self._said or UNATTENDED).nodes

    def replace(self, objects: list[Manifest]) -> None:
        """Take the ConfigMap, or that there is none: then the last word holds until it is stale."""
        for each in objects:
            self.apply(each)

    def apply(self, manifest: Manifest) -> None:
        """Take the new or changed ConfigMap."""
        if (manifest.get("metadata") or {}).get("name") != NAME:
            return
        content = manifest.get("data")
        said = read(content)
        if said is None:
            if content:  # the chart makes it empty
                _LOG.warning("ConfigMap %s cannot be read; records go on as before", NAME)
            return
        if content == self._content:
            return  # listed again: no sign of life
        before, self._said = self._said, said
        self._content, self._at = content, self.clock()
        if said != before:
            self.changed()

    def delete(self, manifest: Manifest) -> None:
        """Take that it was deleted: the last word holds until it is stale."""

    def merged_harder(self, pods: Iterable[PodFacts]) -> tuple[str, str]:
        """Give a remedy and a reason where records of these pods are merged harder; or empty."""
        pressure, namespaces = self.now(), {pod.namespace for pod in pods}
        found = {name: why for name in namespaces if (why := terms(pressure, name).reason)}
        reasons = set(found.values())
        if Reason.OPERATOR in reasons:
            return _ALONE, str(Reason.OPERATOR)
        for reason, bound in _BOUNDS.items():
            if reason in reasons:
                named = ", ".join(sorted(found)[:_NAMED])
                named += " and others" if len(found) > _NAMED else ""
                return _FULL.format(bound=bound, namespaces=named), str(reason)
        return "", ""
