"""An API server that an agent can list, watch and write to, and that counts what it does."""
