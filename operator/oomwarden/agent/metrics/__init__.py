"""What /metrics shows of containers and policies."""
