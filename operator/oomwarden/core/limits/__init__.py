"""Which memory limit a container should have, and what a kill does to it."""
