"""What the operator reads to decide on a container's limit, and the one thing it does to a pod."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.core.resource import ApiInfo, NamespacedSubResource, ResourceDef
from lightkube.generic_resource import Generic
from lightkube.types import PatchType

from oomwarden.core.facts import ContainerFacts, PodFacts
from oomwarden.core.grants import Scene
from oomwarden.core.plan import Switch
from oomwarden.core.pod_facts import pod_facts
from oomwarden.core.policies import CLUSTER, NAMESPACED, Policy, parse_policy
from oomwarden.kube.client import Client, Json, Selection
from oomwarden.kube.resources import (
    ClusterOOMPolicy,
    ConfigMap,
    Namespace,
    Node,
    OOMPolicy,
    Pod,
    Resource,
)
from oomwarden.kube.switch import CONTROL

_POD = ResourceDef("", "v1", "Pod")


class PodResize(NamespacedSubResource, Generic):  # type: ignore[misc]
    """The subresource through which a running pod's resources change (Kubernetes 1.32)."""

    _api_info = ApiInfo(_POD, parent=_POD, plural="pods", verbs=["patch"], action="resize")


@dataclass(frozen=True, slots=True)
class Found:
    """A container's scene, and the pod's resourceVersion that it was taken at."""

    scene: Scene
    version: str


@dataclass(frozen=True, slots=True)
class Resizes:
    """Each call raises one of kube.errors.API_ERRORS. `namespace` is where the switch is."""

    client: Client
    namespace: str

    async def look(self, namespace: str, pod: str, container: str) -> Found:
        """Read all that decides on a container, anew: nothing is kept between two decisions."""
        switch = await self._switch()
        manifest = await self._get(Pod, pod, namespace)
        if manifest is None:
            return Found(Scene(None, None, "", (), switch), "")
        facts, node = pod_facts(manifest), str(manifest["spec"].get("nodeName", ""))
        scene = Scene(
            facts,
            _named(facts, container),
            node,
            await self._policies(namespace),
            switch,
            _labels(await self._get(Namespace, namespace)),
            _labels(await self._get(Node, node)) if node else {},
        )
        return Found(scene, str(manifest["metadata"]["resourceVersion"]))

    async def resize(self, namespace: str, pod: str, patch: Json, manager: str) -> None:
        """Patch pods/resize as a field manager that says what the limit was before."""
        await self.client.patch(
            PodResize,
            pod,
            patch,
            namespace=namespace,
            patch_type=PatchType.STRATEGIC,
            field_manager=manager,
        )

    async def _switch(self) -> Switch:
        """Read the switch; without a word that can be read nothing is changed."""
        found = await self._get(ConfigMap, CONTROL, self.namespace)
        told = str(((found or {}).get("data") or {}).get("mode", ""))
        return Switch(told) if told in set(Switch) else Switch.PAUSE

    async def _policies(self, namespace: str) -> tuple[Policy, ...]:
        own = (await self.client.listing(Selection(OOMPolicy, namespace), None)).objects
        all_of_them = (await self.client.listing(Selection(ClusterOOMPolicy), None)).objects
        named = [(NAMESPACED, each) for each in own] + [(CLUSTER, each) for each in all_of_them]
        return tuple(policy for kind, each in named if (policy := _parsed(kind, each)))

    async def _get(
        self, resource: Resource, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        where = {"namespace": namespace} if namespace else {}
        try:
            found: dict[str, Any] = await self.client.get(resource, name, **where)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found


def _named(pod: PodFacts, name: str) -> ContainerFacts | None:
    return next((each for each in pod.containers if each.name == name), None)


def _labels(manifest: dict[str, Any] | None) -> dict[str, str]:
    return dict(((manifest or {}).get("metadata") or {}).get("labels") or {})


def _parsed(kind: str, manifest: Json) -> Policy | None:
    """Read a policy; the agents tell of one that cannot be read, and it grants nothing."""
    try:
        return parse_policy(kind, manifest)
    except ValueError:
        return None
