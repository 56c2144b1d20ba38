"""What the operator reads to decide on a container's limit, and the one thing it does to a pod."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from lightkube.core.resource import ApiInfo, NamespacedSubResource, ResourceDef
from lightkube.generic_resource import Generic
from lightkube.types import PatchType

from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.model.limit_ownership import with_evidence
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.policy.candidates import Candidates
from oomwarden.kube.mode import CONTROL
from oomwarden.kube.oomlimits import LimitedPod, OOMLimits, containers_of
from oomwarden.kube.transport.client import Client, Json, ListOptions
from oomwarden.kube.transport.resources import (
    ClusterOOMPolicy,
    ConfigMap,
    Namespace,
    Node,
    OOMPolicy,
    Pod,
    Resource,
)

_POD = ResourceDef("", "v1", "Pod")


class PodResize(NamespacedSubResource, Generic):  # type: ignore[misc]
    """The subresource through which a running pod's resources change (Kubernetes 1.32)."""

    _api_info = ApiInfo(_POD, parent=_POD, plural="pods", verbs=["patch"], action="resize")


@dataclass(frozen=True, slots=True)
class ResizeTarget:
    """A container's scene, and the pod's resourceVersion that it was taken at.

    `kept` is what the operator has recorded of the container, `record` the OOMLimit that has it.
    """

    scene: ResizeContext
    version: str
    kept: KeptLimit | None = None
    record: Json | None = None
    node_uid: str = ""


@dataclass(frozen=True, slots=True)
class PodResizes:
    """Each call raises one of kube.errors.API_ERRORS. `namespace` is where the switch is.

    A resize goes out under a field manager that says what it was for.
    """

    client: Client
    namespace: str

    async def look(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        """Read all that decides on a container, anew: nothing is kept between two decisions."""
        switch = await self._switch()
        manifest = await self._get(Pod, pod, namespace)
        if manifest is None:
            return ResizeTarget(ResizeContext(None, None, "", (), switch), "")
        facts, node = pod_facts(manifest), str(manifest["spec"].get("nodeName", ""))
        record = await OOMLimits(self.client).read(facts.uid)
        kept, named = containers_of(record).get(container), _named(facts, container)
        labels = _labels(await self._get(Namespace, namespace))
        on = await self._get(Node, node) if node else None
        candidates = Candidates(facts, labels, _labels(on))
        await self.client.listing(ListOptions(OOMPolicy, namespace), None, candidates.own)
        await self.client.listing(ListOptions(ClusterOOMPolicy), None, candidates.everywhere)
        scene = ResizeContext(
            facts,
            with_evidence(named, kept) if named else None,
            node,
            candidates.policies(),
            switch,
            labels,
            _labels(on),
        )
        version = str(manifest["metadata"]["resourceVersion"])
        uid = str(((on or {}).get("metadata") or {}).get("uid", ""))
        return ResizeTarget(scene, version, kept, record, uid)

    async def keep(self, found: ResizeTarget, kept: KeptLimit | None) -> ResizeTarget:
        """Write what is kept of the container that was found; None: nothing."""
        pod, container = found.scene.pod, found.scene.container
        if pod is None or container is None:
            return found
        where = LimitedPod(pod.uid, pod.namespace, pod.name, found.scene.node, found.node_uid)
        kept_limits = OOMLimits(self.client)
        record = await kept_limits.put(found.record, where, container.name, kept)
        return replace(found, record=record, kept=kept)

    async def resize(self, namespace: str, pod: str, patch: Json, manager: str) -> None:
        """Patch pods/resize."""
        await self.client.patch(
            PodResize,
            pod,
            patch,
            namespace=namespace,
            patch_type=PatchType.STRATEGIC,
            field_manager=manager,
        )

    async def _switch(self) -> EnforcementMode:
        """Read the switch; without a word that can be read nothing is changed."""
        found = await self._get(ConfigMap, CONTROL, self.namespace)
        told = str(((found or {}).get("data") or {}).get("mode", ""))
        return EnforcementMode(told) if told in set(EnforcementMode) else EnforcementMode.PAUSE

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
