"""Who would revert a change: Helm, Argo CD, Flux, or a file that is applied again."""

from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.objects.object_names import is_object_name

_RELEASE = "meta.helm.sh/release-name"
_ARGO_ID, _ARGO_INSTANCE = "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"
_FLUX_HELM, _FLUX = "helm.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/name"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def manager_of(manifest: Json | None) -> tuple[str, str] | None:
    """Return who manages an object, and what has to change; None if nobody is known.

    Sources: helm pkg/action/validate.go (v3.19); argo-cd v3.2, docs/user-guide/resource_tracking;
    flux kustomize-controller and helm-controller, labels of the objects that they apply.
    """
    metadata = object_at(manifest, "metadata")
    labels, annotations = object_at(metadata, "labels"), object_at(metadata, "annotations")
    if _ARGO_ID in annotations or _ARGO_INSTANCE in (*labels, *annotations):
        id_ = annotations.get(_ARGO_ID) or labels.get(_ARGO_INSTANCE) or ""
        return _named(
            "the Argo CD application", str(id_).partition(":")[0]
        ), "its repository changes"
    if _FLUX_HELM in labels:
        return _named("the Flux HelmRelease", labels[_FLUX_HELM]), "its values change"
    if _FLUX in labels:
        return _named("the Flux Kustomization", labels[_FLUX]), "its repository changes"
    if labels.get("app.kubernetes.io/managed-by") == "Helm" or _RELEASE in annotations:
        return _named("the Helm release", annotations.get(_RELEASE)), "its values change"
    if _APPLIED in annotations:
        return "`kubectl apply`", "its file changes"
    return None


def _named(what: str, name: object) -> str:
    """Add the name unless it has characters that no name has."""
    return f"{what} {name}" if isinstance(name, str) and is_object_name(name) else what
