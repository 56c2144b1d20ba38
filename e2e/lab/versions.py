"""The versions that the lab pins; a change rebuilds what depends on it and nothing else."""

GO_MINIMUM = (1, 26)

KUBERNETES = "v1.37.2"
ETCD = "v3.7.2"
CONTAINERD = "v2.4.2"
CNI_PLUGINS = "v1.9.1"
HELM = "v4.3.1"
KIND = "v0.33.0"

ACTIONLINT = "v1.7.12"
KUBECONFORM = "v0.8.0"
KREW = "v0.4.3"

SUPPORTED_KUBERNETES = ("v1.33.13", "v1.34.4", "v1.35.4", "v1.36.3", KUBERNETES)
"""One release of each minor version that the chart is checked against, the oldest first."""
PROMETHEUS_OPERATOR = "v0.85.0"
"""The release whose CRDs the chart's monitors and alert rules have to fit."""


def kubernetes(newer: int = 0) -> tuple[int, int]:
    """Return Kubernetes' major and minor version, or those of a version `newer` minors ahead."""
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    return int(major), int(minor) + newer


def kubernetes_staging() -> str:
    """Return the version under which Kubernetes publishes its staging modules.

    Outside Kubernetes' own tree, k8s.io/api and its siblings are v0.N.P for Kubernetes v1.N.P.
    """
    return KUBERNETES.replace("v1.", "v0.", 1)
