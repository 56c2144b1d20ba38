"""Validates a policy without a cluster, in the words of the API server."""
