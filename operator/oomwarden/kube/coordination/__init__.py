"""Calls to coordination.k8s.io."""
