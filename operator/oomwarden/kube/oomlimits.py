"""OOMLimits: the operator's record of the limits that it has set, one object per pod."""

import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from oomwarden.api.codec.codec import decode, encode
from oomwarden.api.codec.refusals import InvalidObjectError
from oomwarden.api.oomlimit import KeptLimit, OOMLimitSpec
from oomwarden.core.log_line.keys import UNREADABLE, about_object
from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.objects.unreadable import describe_error, display_name
from oomwarden.kube.transport.client import Client, ListOptions
from oomwarden.kube.transport.errors import ApiError
from oomwarden.kube.transport.resources import OOMLimit, Pod

PAGE_SIZE = 500
POD_ANNOTATION = "oomwarden.io/pod"
"""Annotation: namespace/name of the pod, so that a metadata list suffices to find the pod."""
_LOG = logging.getLogger(__name__)


class LimitedPod(Struct, frozen=True):
    """A pod, its node, and the UID of the Node object (empty if unknown)."""

    uid: str
    namespace: str
    name: str
    node: str
    node_uid: str = ""


def kept_limits(manifest: Manifest | None) -> dict[str, KeptLimit]:
    """Return the limits recorded in an OOMLimit, by container. Skip those that cannot be read."""
    found, listed = {}, object_at(manifest, "spec").get("containers")
    for each in listed if isinstance(listed, list) else ():
        try:
            kept = decode(KeptLimit, each)
        except InvalidObjectError as error:
            name, why = display_name("OOMLimit", manifest), describe_error(error)
            _LOG.warning(
                "%s: a container is skipped, because it cannot be read: %s",
                name,
                why,
                extra=about_object("OOMLimit", manifest, reason=UNREADABLE, error=why),
            )
        else:
            found[kept.name] = kept
    return found


class OOMLimits(Struct, frozen=True):
    """The OOMLimits. Each call may raise one of kube.transport.errors.API_ERRORS."""

    client: Client

    async def read(self, uid: str) -> Manifest | None:
        """Read the OOMLimit of a pod, None if there is none."""
        try:
            found: Manifest = await self.client.get(OOMLimit, uid)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    async def put(
        self, known: Manifest | None, pod: LimitedPod, name: str, kept: KeptLimit | None
    ) -> Manifest | None:
        """Write the limit recorded for one container.

        Args:
            known: The OOMLimit as last read; None if there was none.
            pod: The pod.
            name: The container's name.
            kept: What to record; None removes the container.

        Returns:
            The OOMLimit after the write, or None if it was deleted.

        Raises:
            ApiError: 409 if the OOMLimit has changed since it was read: another operator may have
                recorded a limit meanwhile.
        """
        containers = kept_limits(known)
        containers.pop(name, None)
        if kept is not None:
            containers[name] = kept
        if not containers:
            if known is not None:
                await self._delete(known["metadata"])
            return None
        wanted = _manifest(known, pod, containers)
        if known is None:
            return await self.client.create(OOMLimit, wanted)
        return await self.client.replace(OOMLimit, wanted)

    async def list_metadata(self) -> AsyncIterator[Manifest]:
        """Yield the metadata of all OOMLimits, listed page by page."""
        token = ""
        while True:
            page, _ = await self.client.list_metadata_page(
                ListOptions(OOMLimit), token, PAGE_SIZE, POD_ANNOTATION
            )
            for each in page.get("items") or ():
                yield each["metadata"]
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    async def delete_if_pod_gone(self, metadata: Manifest) -> bool:
        """Delete an OOMLimit if its pod is gone. Return whether it was deleted.

        An OOMLimit without the pod's name in its annotation is kept.
        """
        annotations = metadata.get("annotations") or {}
        namespace, _, name = annotations.get(POD_ANNOTATION, "").partition("/")
        if not name:
            _LOG.warning(
                "OOMLimit %s is kept, because it has no annotation %s",
                metadata["name"],
                POD_ANNOTATION,
                extra=about_object("OOMLimit", {"metadata": metadata}, reason=UNREADABLE),
            )
            return False
        try:
            pod = await self.client.get(Pod, name, namespace=namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            pod = None
        if pod is not None and pod["metadata"]["uid"] == metadata["name"]:
            return False
        await self._delete(metadata)
        return True

    async def _delete(self, metadata: Manifest) -> None:
        try:
            read = {key: metadata[key] for key in ("uid", "resourceVersion") if key in metadata}
            await self.client.delete(OOMLimit, metadata["name"], **read)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise


def _manifest(
    known: Manifest | None, pod: LimitedPod, containers: dict[str, KeptLimit]
) -> dict[str, Any]:
    spec = OOMLimitSpec(
        node=pod.node,
        namespace=pod.namespace,
        pod=pod.name,
        containers=tuple(sorted(containers.values(), key=lambda each: each.name)),
    )
    metadata: dict[str, Any] = {
        "name": pod.uid,
        "annotations": {POD_ANNOTATION: f"{pod.namespace}/{pod.name}"},
    }
    if known is not None:
        metadata["resourceVersion"] = known["metadata"]["resourceVersion"]
    if pod.node_uid:
        owner = {"apiVersion": "v1", "kind": "Node", "name": pod.node, "uid": pod.node_uid}
        metadata["ownerReferences"] = [owner]
    content = encode(spec)
    return {"metadata": metadata, "spec": content}
