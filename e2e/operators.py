"""Several operators, of which the holder of a Lease works."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubernetes import client

from e2e.agent_account import client_with_token
from e2e.node_access import NodeAccess
from e2e.operator_metrics import metrics_of
from e2e.world import NAMESPACE, World, eventually

LEASE = "oomwarden-operator"


@dataclass
class Operators:
    """The operators' pods and their Lease."""

    world: World
    node_access: NodeAccess

    def pods(self) -> dict[str, Any]:
        """Return the pods by name."""
        selector = "app.kubernetes.io/component=operator"
        found = self.world.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
        return {each.metadata.name: each for each in found if not each.metadata.deletion_timestamp}

    def lease(self) -> dict[str, Any]:
        """Return the spec of the Lease."""
        found = self.world.custom.get_namespaced_custom_object(
            "coordination.k8s.io", "v1", NAMESPACE, "leases", LEASE
        )
        spec: dict[str, Any] = found["spec"]
        return spec

    def leader(self) -> str:
        """Return the name of the pod that holds the Lease; empty if none does."""
        return str(self.lease().get("holderIdentity", "")).partition("_")[0]

    def wait_until_one_leads(self) -> str:
        """Wait until two operators are ready and one of them leads; return its name."""

        def settled() -> str:
            """Two operators are ready, and by their metrics one leads, which holds the Lease."""
            pods, leader = self.pods(), self.leader()
            if len(pods) != 2 or not all(map(is_ready, pods.values())):
                return ""
            working = [name for name in pods if self._works(name)]
            return leader if working == [leader] else ""

        return eventually(settled, 60)

    def _works(self, pod: str) -> bool:
        return metrics_of(self.world, pod)["oomwarden_operator_leader",] == 1

    def crash(self, pod: str) -> dict[str, Any]:
        """Send SIGKILL to an operator; return the record that it left in the Lease."""
        (status,) = self.pods()[pod].status.container_statuses
        container = status.container_id.rpartition("/")[2]
        find = f"grep -l {container} /proc/[0-9]*/cgroup | cut -d/ -f3"
        killed = self.node_access.run(f"for p in $({find}); do kill -KILL $p && echo $p; done")
        assert killed.strip()
        return self.lease()

    def other_lease_refused(self) -> str:
        """Try to create another Lease with the operators' token; return the refusal."""
        request = {"spec": {"expirationSeconds": 600, "audiences": []}}
        answer = self.world.core.create_namespaced_service_account_token(LEASE, NAMESPACE, request)
        own = client.CoordinationV1Api(client_with_token(self.world, str(answer.status.token)))
        try:
            own.create_namespaced_lease(NAMESPACE, {"metadata": {"name": "other"}}, dry_run="All")
        except client.ApiException as error:
            return str(error.body)
        return ""

    def wait_for_another(self, leader: str) -> dict[str, Any]:
        """Wait until another pod leads; return the record in the Lease."""

        def taken() -> dict[str, Any]:
            """Another pod holds the Lease."""
            return self.lease() if self.leader() not in {"", leader} else {}

        return eventually(taken, 30, every=0.5)


def is_ready(pod: Any) -> bool:
    """Return whether all containers of a pod are ready."""
    return all(each.ready for each in pod.status.container_statuses or [])


def seconds_between(left: dict[str, Any], taken: dict[str, Any]) -> float:
    """Return the time from a holder's last renewal until another acquired the Lease."""
    renewed, acquired = left["renewTime"], taken["acquireTime"]
    return (datetime.fromisoformat(acquired) - datetime.fromisoformat(renewed)).total_seconds()
