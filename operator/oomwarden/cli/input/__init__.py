"""Manifests from files and standard input, as kubectl reads them."""
