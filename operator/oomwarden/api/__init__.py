"""The API types of group oomwarden.io as pydantic models, and their CRD schemas. No I/O."""
