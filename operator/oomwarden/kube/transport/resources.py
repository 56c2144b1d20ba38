"""The resources that oomwarden uses, and where the API server serves them."""

import re
from typing import NamedTuple, Self

from oomwarden.api.vocabulary import GROUP, VERSION
from oomwarden.kube.transport.errors import no_such_name

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:]{0,251}[A-Za-z0-9])?")
"""Valid path segments: no slash, not only dots (apimachinery pkg/api/validation/path)."""


class Resource(NamedTuple):
    """A resource, or a subresource of one.

    Attributes:
        group: Its API group, empty for the core one.
        version: The version of the group.
        kind: The kind of its objects.
        plural: Its name in paths.
        namespaced: Whether its objects are in namespaces.
        subresource: The subresource, empty for the objects themselves.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    subresource: str = ""

    @property
    def api_version(self) -> str:
        """Return what `apiVersion` of its objects is."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def of(self, subresource: str) -> Self:
        """Return a subresource."""
        return self._replace(subresource=subresource)

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the path of an object, or of all objects.

        Args:
            namespace: The namespace; None for all, or for what is in none.
            name: The object's name; None for all objects.

        Raises:
            ApiError: 404 if a name cannot be one, before anything is sent.
        """
        for each in (namespace or None, name):
            if each is not None and not _NAME.fullmatch(each):
                raise no_such_name(each)
        base = f"/apis/{self.group}" if self.group else "/api"
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        which = f"/{name}" if name is not None else ""
        part = f"/{self.subresource}" if self.subresource else ""
        return f"{base}/{self.version}{where}/{self.plural}{which}{part}"


Pod = Resource("", "v1", "Pod", "pods")
Namespace = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
Node = Resource("", "v1", "Node", "nodes", namespaced=False)
ConfigMap = Resource("", "v1", "ConfigMap", "configmaps")
Event = Resource("events.k8s.io", "v1", "Event", "events")
OOMPolicy = Resource(GROUP, VERSION, "OOMPolicy", "oompolicies")
ClusterOOMPolicy = Resource(
    GROUP, VERSION, "ClusterOOMPolicy", "clusteroompolicies", namespaced=False
)
OOMKill = Resource(GROUP, VERSION, "OOMKill", "oomkills")
OOMLimit = Resource(GROUP, VERSION, "OOMLimit", "oomlimits", namespaced=False)
OOMNode = Resource(GROUP, VERSION, "OOMNode", "oomnodes", namespaced=False)
