"""What the operator reads to decide on a container's limit, and its only write to pods."""

from http import HTTPStatus
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from oomwarden.api.oomlimit import KeptLimit
from oomwarden.core.limits.authorization import ResizeContext
from oomwarden.core.model.limit_ownership import with_ownership
from oomwarden.core.model.mode import MODE_CONFIGMAP, EnforcementMode
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.objects.json_parts import Manifest
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.core.policy.candidates import Candidates
from oomwarden.kube.oomlimits import LimitedPod, OOMLimits, kept_limits
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.requests import Patch, PatchType
from oomwarden.kube.transport.resources import (
    ClusterOOMPolicy,
    ConfigMap,
    Namespace,
    Node,
    OOMPolicy,
    Pod,
    Resource,
)

_RESIZE = Pod.of("resize")
"""The subresource for in-place resizes of a running pod (Kubernetes 1.32 or later)."""


class ResizeTarget(Struct, frozen=True):
    """A container whose limit may change.

    Attributes:
        context: Everything that the decision depends on.
        resource_version: The pod's resourceVersion when it was read.
        kept: What the operator has recorded for the container.
        record: The OOMLimit of the pod.
        node_uid: UID of the Node, empty if unknown.
    """

    context: ResizeContext
    resource_version: str
    kept: KeptLimit | None = None
    record: Manifest | None = None
    node_uid: str = ""


class PodResizes(Struct, frozen=True):
    """Each call may raise one of kube.transport.errors.API_ERRORS.

    Attributes:
        client: The API client.
        namespace: Namespace of the mode switch.
    """

    client: Client
    namespace: str

    async def read_target(self, namespace: str, pod: str, container: str) -> ResizeTarget:
        """Read everything that a decision on a container depends on. Nothing is cached."""
        switch = await self._mode()
        manifest = await self._get(Pod, pod, namespace)
        if manifest is None:
            return ResizeTarget(ResizeContext(None, None, "", (), switch), "")
        facts, node = pod_facts(manifest), str(manifest["spec"].get("nodeName", ""))
        record = await OOMLimits(self.client).read(facts.uid)
        kept, named = kept_limits(record).get(container), _named(facts, container)
        labels = _labels(await self._get(Namespace, namespace))
        host = await self._get(Node, node) if node else None
        candidates = Candidates(facts, labels, _labels(host))
        await self.client.list_objects(
            ListOptions(OOMPolicy, namespace), None, candidates.add_namespaced
        )
        await self.client.list_objects(ListOptions(ClusterOOMPolicy), None, candidates.add_cluster)
        context = ResizeContext(
            facts,
            with_ownership(named, kept) if named else None,
            node,
            candidates.selected(),
            switch,
            labels,
            _labels(host),
        )
        version = str(manifest["metadata"]["resourceVersion"])
        uid = str(((host or {}).get("metadata") or {}).get("uid", ""))
        return ResizeTarget(context, version, kept, record, uid)

    async def store(self, found: ResizeTarget, kept: KeptLimit | None) -> ResizeTarget:
        """Write the OOMLimit of the container; None for `kept` removes the container from it."""
        pod, container = found.context.pod, found.context.container
        if pod is None or container is None:
            return found
        where = LimitedPod(pod.uid, pod.namespace, pod.name, found.context.node, found.node_uid)
        record = await OOMLimits(self.client).put(found.record, where, container.name, kept)
        return replace(found, record=record, kept=kept)

    async def resize(self, namespace: str, pod: str, patch: Manifest, manager: str) -> None:
        """Patch pods/resize.

        Args:
            namespace: The pod's namespace.
            pod: The pod's name.
            patch: Strategic merge patch.
            manager: Field manager, which shows the purpose of the resize.
        """
        change = Patch(patch, PatchType.STRATEGIC, manager)
        await self.client.patch(_RESIZE, pod, change, namespace)

    async def _mode(self) -> EnforcementMode:
        """Read the mode. Without a valid one nothing is changed, as with Pause."""
        found = await self._get(ConfigMap, MODE_CONFIGMAP, self.namespace)
        mode = str(((found or {}).get("data") or {}).get("mode", ""))
        return EnforcementMode(mode) if mode in set(EnforcementMode) else EnforcementMode.PAUSE

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
