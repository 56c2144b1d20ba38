"""The resources that oomwarden uses, without lightkube's models of Kubernetes objects."""

from lightkube.generic_resource import (
    GenericGlobalResource,
    GenericNamespacedResource,
    create_global_resource,
    create_namespaced_resource,
)

from oomwarden.api.vocabulary import GROUP, VERSION

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
    """Return whether the resource is namespaced."""
    return issubclass(resource, GenericNamespacedResource)
