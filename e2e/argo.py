"""A model of an Argo CD sync, by its rules (argo-cd v3.2, gitops-engine/pkg/sync).

Every operation is a sync: Helm hooks become Argo CD hooks, whether they are for installation or for
upgrades (sync/hook/helm/type.go). They are deleted before they are created again, unless they say
otherwise (sync/hook/delete_policy.go).
"""

from collections.abc import Iterable
from typing import Any

Manifest = dict[str, Any]
Key = tuple[str, str]
HOOK, OWN_HOOK = "helm.sh/hook", "argocd.argoproj.io/hook"
TRACKED_BY = "app.kubernetes.io/instance"
AT_EACH_SYNC = {"pre-install", "pre-upgrade", "post-install", "post-upgrade"}
PHASES = {"PreSync", "Sync", "PostSync", "SyncFail"}


def key(manifest: Manifest) -> Key:
    """Return the kind and name of an object."""
    return manifest["kind"], manifest["metadata"]["name"]


def words(manifest: Manifest, annotation: str) -> set[str]:
    """Parse a comma-separated annotation."""
    text = (manifest["metadata"].get("annotations") or {}).get(annotation, "")
    return {word.strip() for word in text.split(",") if word.strip()}


def is_hook(manifest: Manifest) -> bool:
    """Return whether an object is a hook, not part of the application itself."""
    own = words(manifest, OWN_HOOK)
    return bool(own - {"Skip"}) if own else bool(words(manifest, HOOK) - {"crd-install"})


def runs_at_each_sync(manifest: Manifest) -> bool:
    """Return whether a hook runs at each sync; deletion hooks do not."""
    own = words(manifest, OWN_HOOK) & (PHASES | {"Skip"})
    return bool(own & PHASES) if own else bool(words(manifest, HOOK) & AT_EACH_SYNC)


def sync(live: dict[Key, Manifest], rendered: Iterable[Manifest], app: str) -> dict[Key, Manifest]:
    """Return the objects after a sync with pruning and Replace=true, the most destructive kind."""
    wanted = {key(each): each for each in rendered}
    kept = {
        name: each
        for name, each in live.items()
        if name in wanted or is_hook(each) or not _is_tracked(each, app)
    }
    applied = {
        name: each
        for name, each in wanted.items()
        if (runs_at_each_sync(each) if is_hook(each) else not words(each, OWN_HOOK))
    }
    return kept | applied


def _is_tracked(manifest: Manifest, app: str) -> bool:
    return (manifest["metadata"].get("labels") or {}).get(TRACKED_BY) == app
