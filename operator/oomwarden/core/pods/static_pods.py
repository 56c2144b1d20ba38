"""Which Pod stands for a static pod of the node: its mirror.

The kubelet runs a static pod from a file or URL under a UID of its own, and makes a Pod of another
UID for the API server. Anyone who may create a pod may write what a mirror says of itself, so it is
believed only where it can do no harm: under a UID that the API server gives no Pod, and one alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oomwarden.core.model.pod import PodFacts

_PREFIX = "kubernetes.io/config."
_HASH = re.compile(r"[0-9a-f]{32}")
"""MD5 in hexadecimal, of manifest, node and source (kubernetes pkg/kubelet/config/common.go,
applyDefaults, v1.37); a Pod's UID is a UUID with dashes (apiserver pkg/registry/rest/meta.go)."""
_SOURCES = {"file", "http"}
_OWN_UID = (
    "it may be the mirror of a static pod with a metadata.uid of its own, which anyone can claim: "
    "take metadata.uid out of the static pod's manifest"
)


def is_mirror(manifest: Mapping[str, Any]) -> bool:
    """Whether a Pod says that it is a mirror."""
    return f"{_PREFIX}mirror" in (manifest["metadata"].get("annotations") or {})


def claimed_hash(manifest: Mapping[str, Any]) -> tuple[str | None, str]:
    """Give the UID that a mirror's static pod has on the node; None: it is not believed, and why.

    The kubelet writes the hash twice, and makes its Node the controller (pkg/kubelet/pod/
    mirror_client.go). None of this is proof, as tenants may write the same.
    """
    told = manifest["metadata"].get("annotations") or {}
    found, mirror, source = (told.get(f"{_PREFIX}{key}") for key in ("hash", "mirror", "source"))
    if not isinstance(found, str) or not _HASH.fullmatch(found):
        return None, f"its config.hash is no hash of the kubelet's; {_OWN_UID}"
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
            told = (each.get("apiVersion"), each.get("kind"), each.get("name"))
            return told == ("v1", "Node", node)
    return False


def is_vouched_for(status: Mapping[str, Any]) -> bool:
    """Whether the kubelet has written a Pod's status, which whoever creates a pod cannot.

    The API server itself gives a new Pod a phase and nothing that tells of its node (pkg/registry/
    core/pod/strategy.go, PrepareForCreate), and the kubelet passes over a mirror without its static
    pod (pkg/kubelet/kubelet.go, HandlePodAdditions).
    """
    lists = ("containerStatuses", "initContainerStatuses")
    return not status.get("phase") or any(status.get(key) for key in ("startTime", *lists))


@dataclass(slots=True)
class Mirrors:
    """The Pods that claim to be mirrors: what each claims, and those that the kubelet vouches for.

    Each step takes the same time however many Pods claim the same UID: anyone may make thousands.
    """

    _claimed: dict[str, str] = field(default_factory=dict)
    _vouched: dict[str, dict[str, PodFacts]] = field(default_factory=dict)

    def claim(self, facts: PodFacts) -> set[str]:
        """Take what a Pod claims now; gives the UIDs of which the claims have changed."""
        changed = self.withdraw(facts.uid) | {facts.cgroup_uid}
        self._claimed[facts.uid] = facts.cgroup_uid
        if facts.vouched:
            self._vouched.setdefault(facts.cgroup_uid, {})[facts.uid] = facts
        return changed

    def withdraw(self, uid: str) -> set[str]:
        """Take that a Pod is gone, or claims nothing; gives the UID that it claimed."""
        claimed = self._claimed.pop(uid, None)
        if claimed is None:
            return set()
        vouched = self._vouched.get(claimed, {})
        vouched.pop(uid, None)
        if not vouched:
            self._vouched.pop(claimed, None)
        return {claimed}

    def forget_all(self) -> None:
        """Take that all Pods are about to be told again."""
        self._claimed.clear()
        self._vouched.clear()

    def claimed(self, uid: str) -> str | None:
        """Give what a Pod claims."""
        return self._claimed.get(uid)

    def believed(self, claimed: str) -> PodFacts | None:
        """Choose the Pod that stands for a static pod; None: nobody knows which.

        The kubelet writes the status of its own mirror alone. Where that does not decide, no Pod
        stands for it: better no policy holds, and no record says whose a kill is, than that another
        namespace governs processes that are not its own.
        """
        vouched = self._vouched.get(claimed, {})
        return next(iter(vouched.values())) if len(vouched) == 1 else None
