"""What `kubectl oom doctor` reads of a cluster: everything that the user may read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from oomwarden.api.vocabulary import GROUP, VERSION
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.cluster.resources import (
    ACCESS_REVIEWS,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    ApiResource,
)
from oomwarden.core.diagnosis.check import Check, Group, Result
from oomwarden.core.diagnosis.rights import Right
from oomwarden.core.objects.json_parts import Manifest, object_at, object_labels, object_namespace

_PART_OF = "app.kubernetes.io/part-of=oomwarden"
_AGENTS = f"{_PART_OF},app.kubernetes.io/component=agent"
_OPENAPI = f"apis/{GROUP}/{VERSION}"
T = TypeVar("T")


@dataclass
class Survey:
    """Reads; what the user may not read becomes a skipped check that names the right.

    Attributes:
        cluster: The cluster.
        skipped: The checks that cannot be made.
    """

    cluster: Cluster
    skipped: list[Check] = field(default_factory=list)

    def permitted(self, group: Group, name: str, read: Callable[[], T]) -> T | None:
        """Return what is read; None if the user may not."""
        try:
            return read()
        except ForbiddenError as error:
            self.skipped.append(Check(group, name, Result.SKIP, str(error)))
            return None

    def openapi(self) -> Manifest | None:
        """Return OpenAPI v3 of the product's kinds; None if they are not installed."""
        index = self.cluster.request("GET", "/openapi/v3", "get /openapi/v3")
        path = object_at(object_at(index, "paths"), _OPENAPI).get("serverRelativeURL")
        if not isinstance(path, str) or not path.startswith("/"):
            return None
        return self.cluster.request("GET", path, f"get {path}")

    def labelled(self, resource: ApiResource, namespace: str | None = None) -> list[Manifest]:
        """Return the objects of the product, by the labels of the chart."""
        return list(self.cluster.items(resource, namespace, _PART_OF))

    def agents(self, namespace: str | None) -> list[Manifest]:
        """Return the DaemonSets of agents; of all releases if the namespace is None."""
        return list(self.cluster.items(DAEMON_SETS, namespace, _AGENTS))

    def operator(self, daemon_set: Manifest) -> Manifest | None:
        """Return the Deployment of the operator in the release of a DaemonSet."""
        instance = object_labels(daemon_set).get("app.kubernetes.io/instance", "")
        found = self.cluster.items(
            DEPLOYMENTS,
            object_namespace(daemon_set),
            f"app.kubernetes.io/instance={instance},app.kubernetes.io/component=operator",
        )
        return next(iter(found), None)

    def config(self, namespace: str, name: str) -> Manifest | None:
        """Return a ConfigMap; None if it does not exist."""
        return self.cluster.find(CONFIG_MAPS, namespace, name)

    def lacks(self, right: Right, namespace: str | None) -> bool:
        """Return whether the user lacks a right, as kubectl auth can-i asks."""
        plural, _, sub = right.resource.partition("/")
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": plural,
            "subresource": sub,
            **({"namespace": namespace} if namespace else {}),
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        needed = ACCESS_REVIEWS.right("create", None)
        answer = self.cluster.request("POST", ACCESS_REVIEWS.path(), needed, review)
        return object_at(answer, "status").get("allowed") is not True

    def existing(self, resource: ApiResource) -> Iterator[Manifest]:
        """Yield objects in all namespaces; none if the API server does not know the resource."""
        try:
            yield from self.cluster.items(resource)
        except NotFoundError:
            return


def pods_selector(workload: Manifest) -> str:
    """Return the label selector of a workload's pods."""
    selector = object_at(object_at(object_at(workload, "spec"), "selector"), "matchLabels")
    return ",".join(f"{key}={value}" for key, value in selector.items())
