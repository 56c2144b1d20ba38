"""Workloads: the owners of a pod, where its template is, and how to patch it."""
