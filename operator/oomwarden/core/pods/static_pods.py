"""Which Pod represents a static pod of the node: its mirror pod.

The kubelet runs a static pod from a file or URL under its own UID, and creates a Pod of another UID
in the API server. Anyone who may create a pod can copy the annotations of a mirror pod. So a mirror
pod is believed only if it can do no harm: if its claimed UID is one that the API server never
assigns, and no other Pod claims it.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from oomwarden.core.model.pod import PodFacts

_PREFIX = "kubernetes.io/config."
_HASH = re.compile(r"[0-9a-f]{32}")
"""MD5 in hexadecimal, of manifest, node and source (kubernetes pkg/kubelet/config/common.go,
applyDefaults, v1.37). A Pod's UID is a UUID with dashes (apiserver pkg/registry/rest/meta.go)."""
_SOURCES = {"file", "http"}
_OWN_UID = (
    "it may be the mirror of a static pod with a metadata.uid of its own, which anyone can "
    "claim: remove metadata.uid from the static pod's manifest"
)


def is_mirror(manifest: Mapping[str, Any]) -> bool:
    """Return whether a Pod claims to be a mirror pod."""
    return f"{_PREFIX}mirror" in (manifest["metadata"].get("annotations") or {})


def claimed_hash(manifest: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the UID that a mirror pod's static pod has on the node, or why it is not believed.

    The kubelet writes the hash twice, and makes its Node the controller
    (pkg/kubelet/pod/mirror_client.go). None of this is proof, because tenants may write the same.
    """
    annotations = manifest["metadata"].get("annotations") or {}
    found, mirror, source = (
        annotations.get(f"{_PREFIX}{key}") for key in ("hash", "mirror", "source")
    )
    if not isinstance(found, str) or not _HASH.fullmatch(found):
        return None, f"its config.hash was not made by the kubelet; {_OWN_UID}"
    if mirror != found:
        return None, "its config.mirror is not its config.hash, as the kubelet writes them"
    if source not in _SOURCES | {None}:
        return None, "its config.source is neither file nor http"
    if not _is_of_its_node(manifest):
        return None, "its controller is not the Node that it runs on"
    return found, ""


def _is_of_its_node(manifest: Mapping[str, Any]) -> bool:
    node = (manifest.get("spec") or {}).get("nodeName")
    for each in manifest["metadata"].get("ownerReferences") or ():
        if each.get("controller") is True:
            owner = (each.get("apiVersion"), each.get("kind"), each.get("name"))
            return owner == ("v1", "Node", node)
    return False


def has_kubelet_status(status: Mapping[str, Any]) -> bool:
    """Return whether the kubelet has written a Pod's status, which the creator of a pod cannot.

    The API server itself gives a new Pod a phase and nothing that depends on its node
    (pkg/registry/core/pod/strategy.go, PrepareForCreate), and the kubelet ignores a mirror pod
    without its static pod (pkg/kubelet/kubelet.go, HandlePodAdditions).
    """
    lists = ("containerStatuses", "initContainerStatuses")
    return not status.get("phase") or any(status.get(key) for key in ("startTime", *lists))


class MirrorPods(Struct):
    """The Pods that claim to be mirror pods: what each one claims, and which the kubelet confirmed.

    Each operation takes constant time however many Pods claim the same UID, because anyone may
    create thousands.
    """

    _claimed: dict[str, str] = field(default_factory=dict)
    _confirmed: dict[str, dict[str, PodFacts]] = field(default_factory=dict)

    def claim(self, facts: PodFacts) -> set[str]:
        """Record what a Pod claims now; return the UIDs whose claims have changed."""
        changed = self.withdraw(facts.uid) | {facts.cgroup_uid}
        self._claimed[facts.uid] = facts.cgroup_uid
        if facts.is_confirmed:
            self._confirmed.setdefault(facts.cgroup_uid, {})[facts.uid] = facts
        return changed

    def withdraw(self, uid: str) -> set[str]:
        """Record that a Pod is deleted or claims nothing; return the UID that it claimed."""
        claimed = self._claimed.pop(uid, None)
        if claimed is None:
            return set()
        confirmed = self._confirmed.get(claimed, {})
        confirmed.pop(uid, None)
        if not confirmed:
            self._confirmed.pop(claimed, None)
        return {claimed}

    def forget_all(self) -> None:
        """Forget all Pods, because they are about to be listed again."""
        self._claimed.clear()
        self._confirmed.clear()

    def claim_of(self, uid: str) -> str | None:
        """Return what a Pod claims."""
        return self._claimed.get(uid)

    def resolve(self, claimed: str) -> PodFacts | None:
        """Return the Pod that represents a static pod; None if it is not known which one does.

        The kubelet writes the status of its own mirror pod only. If that does not decide, no Pod
        represents the static pod. It is better that no policy applies and that a record names no
        pod than that another namespace governs processes that are not its own.
        """
        confirmed = self._confirmed.get(claimed, {})
        return next(iter(confirmed.values())) if len(confirmed) == 1 else None
