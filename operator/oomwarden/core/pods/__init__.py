"""Converts a pod's manifest to the facts that decisions need."""
