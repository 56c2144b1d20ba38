import pytest
from oomwarden.core.workloads.management import manager_of
from oomwarden.core.workloads.owner import OwnerReference, controller_of, reference_of_kind

from tests.support.workload_objects import Object, owner, reference


def test_the_controller_is_followed_and_other_owners_are_not() -> None:
    other = reference("Deployment", "other") | {"controller": False}
    found = controller_of(owner("ReplicaSet", "a", other, reference("Deployment", "api")))
    assert found == OwnerReference("apps/v1", "Deployment", "api")
    assert controller_of(owner("ReplicaSet", "a", other)) is None


def test_a_rollout_leads_to_the_workload_that_has_its_template() -> None:
    rollout = owner("Rollout", "api", api_version="argoproj.io/v1alpha1")
    assert controller_of(rollout) is None
    rollout["spec"] = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}
    assert controller_of(rollout) == OwnerReference("apps/v1", "Deployment", "d")


def test_the_node_of_a_static_pod_is_not_its_owner() -> None:
    assert controller_of(owner("Pod", "a", reference("Node", "node-1", "v1"))) is None


@pytest.mark.parametrize("broken", [None, 3, [], {"kind": 3}, {"kind": "", "controller": True}])
def test_broken_references_are_none(broken: object) -> None:
    manifest = {"metadata": {"ownerReferences": [broken]}}
    assert controller_of(manifest) is None
    assert controller_of({"metadata": broken}) is None


def test_a_kind_alone_is_enough_for_the_workloads_of_kubernetes() -> None:
    assert reference_of_kind("StatefulSet", "db").group == "apps"
    assert reference_of_kind("Database", "db").api_version == ""


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        (
            {
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "shop"},
            },
            "the Helm release shop",
        ),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/api"}},
            "the Argo CD application web",
        ),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "web"}}, "the Flux HelmRelease web"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "web"}}, "the Flux Kustomization web"),
        (
            {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "`kubectl apply`",
        ),
        ({"annotations": {"meta.helm.sh/release-name": "$(reboot)"}}, "the Helm release"),
    ],
)
def test_who_would_revert_a_change_is_known_from_labels(metadata: Object, who: str) -> None:
    found = manager_of({"metadata": metadata})
    assert found is not None
    assert found[0] == who


@pytest.mark.parametrize("manifest", [None, {}, {"metadata": {"labels": 3, "annotations": []}}])
def test_nobody_manages_what_has_no_mark(manifest: Object | None) -> None:
    assert manager_of(manifest) is None
