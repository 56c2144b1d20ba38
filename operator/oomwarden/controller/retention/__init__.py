"""Which OOMKills are kept, and how full the cluster is."""
