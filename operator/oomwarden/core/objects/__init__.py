"""Reads objects of the API server defensively: a malformed part counts as absent."""
