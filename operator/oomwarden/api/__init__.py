"""The wire types of group oomwarden.io as pydantic models, and models to CRD schemas. Pure."""
