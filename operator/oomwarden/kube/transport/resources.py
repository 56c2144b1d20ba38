"""The resources that oomwarden reads or writes, without lightkube's models of Kubernetes."""

from lightkube.generic_resource import (
    GenericGlobalResource,
    GenericNamespacedResource,
    create_global_resource,
    create_namespaced_resource,
)

from oomwarden.api.base import GROUP, VERSION

Resource = type[GenericGlobalResource] | type[GenericNamespacedResource]

Pod = create_namespaced_resource("", "v1", "Pod", "pods")
Namespace = create_global_resource("", "v1", "Namespace", "namespaces")
Node = create_global_resource("", "v1", "Node", "nodes")
ConfigMap = create_namespaced_resource("", "v1", "ConfigMap", "configmaps")
Event = create_namespaced_resource("events.k8s.io", "v1", "Event", "events")
OOMPolicy = create_namespaced_resource(GROUP, VERSION, "OOMPolicy", "oompolicies")
ClusterOOMPolicy = create_global_resource(GROUP, VERSION, "ClusterOOMPolicy", "clusteroompolicies")
OOMKill = create_namespaced_resource(GROUP, VERSION, "OOMKill", "oomkills")
OOMLimit = create_global_resource(GROUP, VERSION, "OOMLimit", "oomlimits")
OOMNode = create_global_resource(GROUP, VERSION, "OOMNode", "oomnodes")


def is_namespaced(resource: Resource) -> bool:
    """Whether the resource's objects live in namespaces."""
    return issubclass(resource, GenericNamespacedResource)
