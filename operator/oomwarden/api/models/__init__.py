"""The API types of group oomwarden.io as pydantic models: the source of CRDs and types."""
