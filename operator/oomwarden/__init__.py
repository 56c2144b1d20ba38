"""oomwarden: decides whom the Linux OOM killer takes on a Kubernetes node, and loses no kill."""

__version__ = "0.1.0"
