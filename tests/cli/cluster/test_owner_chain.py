from pathlib import Path

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.owner_chain import owner_chain
from oomwarden.core.workloads.owner import MAX_OWNERS, OwnerObject, OwnerReference

from tests.support.fake_cluster import FakeCluster
from tests.support.workload_objects import owner, reference

GROUP = "example.com/v1"
DISCOVERY = {
    "resources": [
        {"name": "databases/status", "kind": "Database", "namespaced": True},
        {"name": "databases", "kind": "Database", "namespaced": True},
        {"name": "fleets", "kind": "Fleet", "namespaced": False},
    ]
}


def chain(
    cluster: FakeCluster, folder: Path, kind: str, name: str, api_version: str = "apps/v1"
) -> tuple[list[OwnerObject], list[str]]:
    """Return the owners, and what could not be read."""
    notes: list[str] = []
    with cluster.serve(folder) as kubeconfig:
        first = OwnerReference(api_version, kind, name)
        found = owner_chain(Cluster(kubeconfig, None), "shop", first, notes)
    return found, notes


def test_well_known_owners_are_followed_without_discovery(tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.add(
        owner("ReplicaSet", "a", reference("Deployment", "api")), owner("Deployment", "api")
    )
    found, notes = chain(cluster, tmp_path, "ReplicaSet", "a")
    assert [each.resource for each in found] == ["replicasets", "deployments"]
    assert notes == []
    assert len(cluster.requests) == 2


def test_custom_owners_are_found_through_discovery_also_outside_of_namespaces(
    tmp_path: Path,
) -> None:
    cluster = FakeCluster()
    cluster.answers["GET", f"/apis/{GROUP}"] = 200, DISCOVERY
    fleet = owner("Fleet", "f", api_version=GROUP)
    del fleet["metadata"]["namespace"]
    cluster.add(owner("Database", "db", reference("Fleet", "f", GROUP), api_version=GROUP), fleet)
    found, notes = chain(cluster, tmp_path, "Database", "db", GROUP)
    assert [each.resource for each in found] == ["databases.example.com", "fleets.example.com"]
    assert notes == []


def test_a_missing_right_is_a_note_that_names_it(tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.forbid("/apis/apps/v1/namespaces/shop/statefulsets/db")
    found, notes = chain(cluster, tmp_path, "StatefulSet", "db")
    assert found[0].manifest is None
    right = "get statefulsets.apps db in namespace shop"
    refused = f"you may not {right}; ask an administrator for that right"
    assert notes == [f"StatefulSet db is unknown: {refused}."]


def test_owners_that_are_gone_or_unknown_are_notes(tmp_path: Path) -> None:
    assert chain(FakeCluster(), tmp_path, "Job", "j", "batch/v1")[1] == ["Job j no longer exists."]
    cluster = FakeCluster()
    cluster.answers["GET", f"/apis/{GROUP}"] = 200, {"resources": "none"}
    notes = chain(cluster, tmp_path, "Database", "db", GROUP)[1]
    assert notes == ["Database db cannot be read: example.com/v1 has no kind Database."]
    notes = chain(FakeCluster(), tmp_path, "Database", "db", "")[1]
    assert notes == ["Database db was not looked up: the record does not know its API group."]


def test_owners_that_own_each_other_end(tmp_path: Path) -> None:
    cluster = FakeCluster()
    cluster.add(owner("Deployment", "a", reference("Deployment", "a")))
    assert len(chain(cluster, tmp_path, "Deployment", "a")[0]) == MAX_OWNERS
