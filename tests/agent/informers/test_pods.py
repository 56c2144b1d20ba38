"""The pods of a node, whatever tenants write into theirs."""

from dataclasses import dataclass, field
from typing import Any

from oomwarden.agent.informers.inventory import Container, Inventory
from oomwarden.agent.informers.pods import DELETED_SECONDS, MAX_DELETED, PodEventHandler
from oomwarden.core.model.cgroup import Cgroup, Level
from oomwarden.core.objects.unreadable import UnreadableObjects

from tests.support.mirror_pods import HASH, VICTIM, mirror

MINE = "33333333-3333-3333-3333-333333333333"
PENDING = {"phase": "Pending"}


@dataclass
class Node:
    inventory: Inventory = field(default_factory=Inventory)
    unreadable: UnreadableObjects = field(default_factory=UnreadableObjects)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changes = self.urgent = 0
        self.handler = PodEventHandler(
            self.inventory, self.appeared, self.changed, self.seen.append, self.unreadable
        )

    def appeared(self) -> None:
        self.changes += 1
        self.urgent += 1

    def changed(self) -> None:
        self.changes += 1

    def owner(self, uid: str) -> str | None:
        """Return the pod that a cgroup belongs to."""
        pod = self.inventory.pod(Cgroup(7, "kubepods.slice/x", Level.CONTAINER, uid))
        return f"{pod.namespace}/{pod.name}" if pod else None


def pod(name: str, uid: str, namespace: str = "shop", **metadata: object) -> dict[str, Any]:
    whole = {"name": name, "namespace": namespace, "uid": uid, **metadata}
    return {"metadata": whole, "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]}}


def forged(claimed: str) -> dict[str, Any]:
    """Return a mirror as a tenant would create it: its status is not the kubelet's."""
    metadata = {"name": "evil", "namespace": "tenant", "uid": MINE}
    return mirror(claimed, metadata=metadata) | {"status": PENDING}


def test_a_mirror_that_claims_a_real_pods_uid_replaces_nothing() -> None:
    node = Node()
    node.handler.replace([pod("db-0", VICTIM, "bank")])
    node.handler.apply(forged(VICTIM))
    assert (node.owner(VICTIM), node.unreadable.total) == ("bank/db-0", 1)
    assert "Pod tenant/evil" in node.unreadable.message()
    node.handler.delete(forged(VICTIM))
    assert (node.owner(VICTIM), node.unreadable.total) == ("bank/db-0", 0)
    assert VICTIM in node.inventory.pods


def test_a_mirror_that_claims_a_static_pods_hash_replaces_nothing_and_leaves_no_trace() -> None:
    node = Node()
    node.handler.replace([mirror()])
    node.handler.apply(forged(HASH))
    assert node.owner(HASH) == "kube-system/etcd-node-1"
    node.handler.replace([forged(HASH), mirror()])
    assert node.owner(HASH) == "kube-system/etcd-node-1"
    node.handler.delete(forged(HASH))
    assert (node.owner(HASH), node.unreadable.total) == ("kube-system/etcd-node-1", 0)
    node.handler.delete(mirror())
    assert node.owner(HASH) == "kube-system/etcd-node-1", "its last kills may not be recorded yet"


def test_a_mirror_that_the_kubelet_does_not_confirm_represents_no_static_pod() -> None:
    node = Node()
    node.handler.apply(forged(HASH))
    assert node.owner(HASH) is None
    assert "the kubelet does not confirm" in node.unreadable.message()
    node.handler.apply(mirror())
    assert node.owner(HASH) == "kube-system/etcd-node-1"


def test_a_mirror_that_claims_another_hash_gives_up_its_first_one() -> None:
    node, other = Node(), HASH[::-1]
    node.handler.apply(mirror())
    node.handler.apply(mirror(other))
    assert HASH not in node.inventory.pods
    assert node.owner(other) == "kube-system/etcd-node-1"


def test_a_deleted_pods_facts_are_kept_for_its_last_kills_beside_a_new_pod_of_its_name() -> None:
    node = Node()
    node.handler.apply(pod("api", VICTIM))
    node.handler.apply(pod("api", MINE))
    node.handler.delete(pod("api", VICTIM))
    assert list(node.inventory.pods) == [MINE]
    assert node.inventory.deleted[VICTIM].uid == VICTIM


def test_deleted_pods_are_forgotten_after_a_while() -> None:
    node, times = Node(), iter([0.0, 0.0, DELETED_SECONDS, DELETED_SECONDS + 1])
    node.handler.clock = lambda: next(times)
    node.handler.apply(pod("api", VICTIM))
    node.handler.delete(pod("api", VICTIM))
    node.handler.apply(pod("web", MINE))
    assert VICTIM in node.inventory.deleted
    node.handler.delete(pod("web", MINE))
    assert list(node.inventory.deleted) == [MINE]


def test_a_deleted_pod_with_a_live_container_is_not_forgotten() -> None:
    node, times = Node(), iter([0.0, 0.0, DELETED_SECONDS + 1, DELETED_SECONDS + 2])
    node.handler.clock = lambda: next(times)
    container = Container(Cgroup(8, "kubepods.slice/x/y", Level.CONTAINER, VICTIM), 0.0)
    node.inventory.add(container)
    node.handler.apply(pod("api", VICTIM))
    node.handler.delete(pod("api", VICTIM))
    node.handler.apply(pod("web", MINE))
    assert node.inventory.pod(container.cgroup) is not None
    node.inventory.remove(container.cgroup)
    node.handler.delete(pod("web", MINE))
    assert list(node.inventory.deleted) == [MINE]


def test_the_number_of_deleted_pods_is_bounded() -> None:
    node = Node()
    for number in range(MAX_DELETED + 9):
        node.handler.apply(pod("api", f"{number}"))
        node.handler.delete(pod("api", f"{number}"))
        assert len(node.inventory.deleted) == min(number + 1, MAX_DELETED)
    assert f"{MAX_DELETED + 8}" in node.inventory.deleted


def test_owners_of_any_length_are_cut_and_the_pod_is_kept() -> None:
    owner = {
        "apiVersion": "v1",
        "kind": "K\0\u202e\n" + "k" * 300,
        "name": "n" * 70_000,
        "uid": "u" * 999,
    }
    node = Node()
    node.handler.replace([pod("p", MINE, ownerReferences=[owner | {"controller": True}])])
    found = node.inventory.pods[MINE].owner
    assert found is not None
    assert found.kind.startswith(r"K\x00\u202e\nkkk")
    assert (len(found.kind), len(found.name)) == (253, 253)
    assert node.unreadable.total == 0


def test_unreadable_parts_of_a_pod_are_named_and_the_rest_is_kept() -> None:
    odd = pod("odd", MINE)
    odd["spec"]["containers"][0]["resources"] = {"limits": {"memory": "1e\n3x"}}
    odd["status"] = {"qosClass": "Platinum", "containerStatuses": [None, {"name": "app"}, 7]}
    node = Node()
    node.handler.replace([pod("api", VICTIM), odd])
    assert node.owner(MINE) == "shop/odd"
    message = node.unreadable.message()
    assert (
        r"spec.containers[0].resources.limits.memory is not an amount of memory: '1e\n3x'"
        in message
    )
    assert "status.qosClass is none of Guaranteed, Burstable, BestEffort: 'Platinum'" in message
    node.handler.apply(pod("odd", MINE))
    assert node.unreadable.message() == ""


def test_a_pod_without_a_name_or_uid_is_skipped_and_not_observed() -> None:
    node = Node()
    node.handler.replace([{"metadata": {"name": "x", "namespace": "y"}}, pod("api", VICTIM)])
    assert list(node.inventory.pods) == [VICTIM]
    assert "Pod y/x: metadata has no uid" in node.unreadable.message()
    assert [each["metadata"]["name"] for each in node.seen] == ["api"]


def test_thousands_of_unreadable_pods_are_counted_and_a_few_are_named() -> None:
    unreadable = UnreadableObjects()
    for number in [*range(12_000), *range(12_000)]:
        unreadable.add("Pod", pod(f"p-{number}", str(number)), "x" * 5_000)
    message = unreadable.message()
    assert message.startswith("12000 objects are not completely readable: Pod shop/p-0: xxx")
    assert "and 11995 more" in message
    assert len(message) < 2_000
    assert sum(map(len, unreadable._words.values())) <= 50 * 300
    for number in range(11_999):
        unreadable.discard("Pod", pod(f"p-{number}", str(number)))
    assert unreadable.message().startswith("one object is not completely readable. What")
    unreadable.add("Pod", pod("p-11999", "11999"), "again")
    assert unreadable.message().startswith(
        "one object is not completely readable: Pod shop/p-11999: again"
    )


def test_thousands_of_mirrors_with_the_same_claim_cost_no_more_than_other_pods() -> None:
    class Counted(UnreadableObjects):
        """Counts the calls of `add`."""

        count = 0

        def add(self, kind: str, manifest: object, why: object) -> bool:
            Counted.count += 1
            return super().add(kind, manifest, why)

    many = [
        forged(HASH) | {"metadata": forged(HASH)["metadata"] | {"name": f"m-{n}", "uid": f"u-{n}"}}
        for n in range(1_000)
    ]
    handler = PodEventHandler(Inventory(), lambda: None, lambda: None, lambda _: None, Counted())
    handler.replace([mirror(), *many])
    handler.apply(many[0])
    handler.delete(many[1])
    assert handler.inventory.pods[HASH].namespace == "kube-system"
    assert handler.unreadable.total == 999
    assert Counted.count <= 2 * len(many)


def test_an_event_that_changes_nothing_that_is_read_is_no_news() -> None:
    node, ready = Node(), {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    node.handler.replace([pod("db-0", VICTIM), mirror()])
    before = (node.changes, node.inventory.version, dict(node.inventory.pods))
    node.handler.apply(pod("db-0", VICTIM) | ready)
    node.handler.apply(mirror())
    node.handler.replace([pod("db-0", VICTIM) | ready, mirror()])
    assert (node.changes, node.inventory.version, node.inventory.pods) == before
    assert all(before[2][uid] is each for uid, each in node.inventory.pods.items())
    assert len(node.seen) == 6, "what the kubelet reports of a kill is seen all the same"


def test_an_event_that_changes_a_label_or_who_claims_a_uid_is_news() -> None:
    node = Node()
    node.handler.replace([pod("db-0", VICTIM)])
    node.handler.apply(pod("db-0", VICTIM, labels={"tier": "db"}))
    assert (node.changes, node.inventory.version) == (2, 2)
    assert node.urgent == 1, "a new pod is, another label is not"
    node.handler.apply(forged(HASH))
    node.handler.apply(mirror())
    assert node.changes == 4
    assert node.owner(HASH) == "kube-system/etcd-node-1"


def test_the_first_list_is_news_even_if_it_is_empty() -> None:
    node = Node()
    node.handler.replace([])
    node.handler.replace([])
    assert node.changes == 1
