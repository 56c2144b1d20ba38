"""What `kubectl oom test` does in the cluster."""
