"""OOMLimits: the operator's own record of the limits that it has set, one object for each pod."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lightkube import ApiError
from pydantic import ValidationError

from oomwarden.api.oomlimit import KeptLimit, OOMLimitSpec
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.objects.passed_over import error_words, name_of
from oomwarden.kube.transport.client import Client, Json, ListOptions
from oomwarden.kube.transport.resources import OOMLimit, Pod

PART = 500
POD = "oomwarden.io/pod"
"""Annotation: namespace/name of the pod, so that a list of metadata is enough to look for it."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LimitedPod:
    """A pod, and the UID of its Node's object (empty: unknown)."""

    uid: str
    namespace: str
    name: str
    node: str
    node_uid: str = ""


def containers_of(manifest: Json | None) -> dict[str, KeptLimit]:
    """Read an OOMLimit, container by container; what cannot be read is no evidence."""
    found, told = {}, object_at(manifest, "spec").get("containers")
    for each in told if isinstance(told, list) else ():
        try:
            kept = KeptLimit.model_validate(each)
        except ValidationError as error:
            name, why = name_of("OOMLimit", manifest), error_words(error)
            _LOG.warning("%s: a container is passed over: %s", name, why)
        else:
            found[kept.name] = kept
    return found


@dataclass(frozen=True, slots=True)
class OOMLimits:
    """Each call raises one of kube.errors.API_ERRORS."""

    client: Client

    async def read(self, uid: str) -> Json | None:
        """Read the record of a pod; None: nothing was ever set."""
        try:
            found: Json = await self.client.get(OOMLimit, uid)
        except ApiError as error:
            if error.status.code == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    async def put(
        self, known: Json | None, pod: LimitedPod, name: str, kept: KeptLimit | None
    ) -> Json | None:
        """Write what is kept of one container (None: nothing), and give the record as it is then.

        Raises:
            ApiError: 409, the record is not `known` any more: look again.
        """
        containers = containers_of(known)
        containers.pop(name, None)
        if kept is not None:
            containers[name] = kept
        if not containers:
            if known is not None:
                await self._delete(known["metadata"])
            return None
        wanted = OOMLimit.from_dict(_manifest(known, pod, containers))
        if known is None:
            made: Json = await self.client.create(wanted)
        else:
            made = await self.client.replace(wanted, pod.uid)
        return made

    async def all(self) -> AsyncIterator[Json]:
        """Give the metadata of all records, as they are listed part by part."""
        token = ""
        while True:
            page, _ = await self.client.metadata_page(ListOptions(OOMLimit), token, PART, POD)
            for each in page.get("items") or ():
                yield each["metadata"]
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    async def drop_if_gone(self, metadata: Json) -> bool:
        """Delete a record whose pod is gone; one that does not say which pod it is of stays."""
        namespace, _, name = (metadata.get("annotations") or {}).get(POD, "").partition("/")
        if not name:
            _LOG.warning("OOMLimit %s stays: it has no annotation %s", metadata["name"], POD)
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

    async def _delete(self, metadata: Json) -> None:
        try:
            await self.client.delete(OOMLimit, metadata["name"])
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise


def _manifest(
    known: Json | None, pod: LimitedPod, containers: dict[str, KeptLimit]
) -> dict[str, Any]:
    spec = OOMLimitSpec(
        node=pod.node,
        namespace=pod.namespace,
        pod=pod.name,
        containers=tuple(sorted(containers.values(), key=lambda each: each.name)),
    )
    metadata: dict[str, Any] = {
        "name": pod.uid,
        "annotations": {POD: f"{pod.namespace}/{pod.name}"},
    }
    if known is not None:
        metadata["resourceVersion"] = known["metadata"]["resourceVersion"]
    if pod.node_uid:
        owner = {"apiVersion": "v1", "kind": "Node", "name": pod.node, "uid": pod.node_uid}
        metadata["ownerReferences"] = [owner]
    content = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"metadata": metadata, "spec": content}
