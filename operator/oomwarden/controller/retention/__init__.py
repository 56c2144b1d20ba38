"""Which OOMKills are kept, and how close the cluster is to its limits."""
