"""The API types of group oomwarden.io, generated from pydantic models, and their CRDs. No I/O."""
