"""A real cluster for the end-to-end tests and the demo, even without Docker.

    from e2e.lab import open_cluster

    cluster = open_cluster(name="test")        # starts it, or uses the one in KUBECONFIG
    image = cluster.build_and_load_image()     # ImageRef(repository, tag), known to the nodes
    cluster.helm("upgrade", "--install", ...)  # str, or CommandError with the reason
    cluster.kubectl("get", "pods", "-A")       # str
    cluster.apply({"apiVersion": ...})         # one object, as a dict
    cluster.kubeconfig                         # Path, for API clients
    cluster.busybox_image                      # busybox, and `hog N`, which allocates N MiB

`Options` sets the node's memory and kubelet settings. The package uses only the standard library,
because it runs before any virtual environment exists.
"""

from e2e.lab.cluster import Cluster, NodeNeed, open_cluster
from e2e.lab.errors import CommandError, LabError
from e2e.lab.instance import Options
from e2e.lab.product_image import ImageRef

__all__ = ["Cluster", "CommandError", "ImageRef", "LabError", "NodeNeed", "Options", "open_cluster"]
