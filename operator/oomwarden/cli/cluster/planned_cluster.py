"""What a plan reads from the cluster: with namespaced rights alone, if those are all there are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.resources import (
    ADMISSION_POLICIES,
    CLUSTER_OOM_POLICIES,
    CONFIG_MAPS,
    NAMESPACES,
    NODES,
    OOM_LIMITS,
    OOM_NODES,
    OOM_POLICIES,
    PODS,
    ApiResource,
)
from oomwarden.core.model.mode import MODE_CONFIGMAP, EnforcementMode
from oomwarden.core.objects.json_parts import Manifest, object_at, objects_at
from oomwarden.core.policy_preview.manifests import Manifests

_FLOOR = re.compile(r"rule\.oomScoreAdj < (-?[0-9]+)")
_FLOOR_POLICY = "-namespaced-floor"
_ASSUMPTIONS = {
    "OOMPolicy": "none is assumed to exist",
    "ClusterOOMPolicy": "none is assumed to exist",
    "Namespace": "namespaces are assumed to have no labels but their name",
    "Node": "nodeSelector is assumed to match, and scores of Burstable containers are unknown",
    "OOMNode": "every node is assumed to have an agent",
}
_KINDS = (
    ("OOMPolicy", OOM_POLICIES),
    ("ClusterOOMPolicy", CLUSTER_OOM_POLICIES),
    ("Namespace", NAMESPACES),
    ("Node", NODES),
    ("OOMNode", OOM_NODES),
    ("OOMLimit", OOM_LIMITS),
)


@dataclass(slots=True)
class PlannedCluster:
    """The objects of the cluster that a plan needs.

    Attributes:
        cluster: The cluster.
        found: What could be read.
        notes: What could not, and what is assumed instead.
        missing: The kinds that could not be read.
    """

    cluster: Cluster
    found: Manifests = field(default_factory=Manifests)
    notes: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def read(self, namespaces: Iterable[str] | None) -> None:
        """Read the objects.

        Args:
            namespaces: The namespaces to read; None for all.

        Raises:
            CliError: Not even the pods can be read.
        """
        places: list[str | None] = [None] if namespaces is None else [*sorted(namespaces)]
        for place in places:
            self.found.add(self.cluster.items(PODS, place), "Pod")
        for kind, resource in _KINDS:
            for place in places if resource.namespaced else [None]:
                self._add(kind, resource, place)
        for namespace in sorted({_release(each) for each in self.found.of("OOMNode")} - {""}):
            self._add_mode(namespace)

    def _add(self, kind: str, resource: ApiResource, place: str | None) -> None:
        try:
            self.found.add(self.cluster.items(resource, place), kind)
        except (ForbiddenError, NotFoundError) as error:
            self.missing.add(kind)
            if kind in _ASSUMPTIONS:
                self.notes.append(f"{str(error).partition(';')[0]}: {_ASSUMPTIONS[kind]}")

    def _add_mode(self, namespace: str) -> None:
        """Note that the mode of a release's agents keeps policies from being enforced."""
        where = f"ConfigMap {namespace}/{MODE_CONFIGMAP}"
        try:
            control = self.cluster.find(CONFIG_MAPS, namespace, MODE_CONFIGMAP)
        except ForbiddenError as error:
            self.notes.append(f"{str(error).partition(';')[0]}: the mode is assumed to be Enforce")
            return
        mode = str(object_at(control or {}, "data").get("mode") or "missing")
        if mode != EnforcementMode.ENFORCE:
            self.notes.append(f"the mode in {where} is {mode}: nothing changes until it is Enforce")

    def floor(self, default: int) -> int | None:
        """Return the floor for OOMPolicies; None if they may only raise scores.

        Args:
            default: What is assumed if it cannot be read.
        """
        try:
            listed = list(self.cluster.items(ADMISSION_POLICIES))
        except (ForbiddenError, NotFoundError):
            self.notes.append(f"the floor of OOMPolicies is assumed to be {default} (--floor)")
            return default
        found = [each for each in listed if _name(each).endswith(_FLOOR_POLICY)]
        if not found:
            installed = any(_name(each).endswith("-node-bound") for each in listed)
            return None if installed else default
        spec = object_at(found[0], "spec")
        expressions = [str(each.get("expression")) for each in objects_at(spec, "variables")]
        match = next((m for each in expressions if (m := _FLOOR.search(each))), None)
        return int(match[1]) if match else default


def _release(node: Manifest) -> str:
    """Return the namespace of an agent's release; empty if its OOMNode does not have it."""
    return str(object_at(object_at(node, "status"), "rank").get("namespace") or "")


def _name(manifest: Manifest) -> str:
    return str(object_at(manifest, "metadata").get("name"))
