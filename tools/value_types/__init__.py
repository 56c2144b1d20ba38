"""Generates operator/oomwarden/api/*.py, light value types, from the pydantic models."""
