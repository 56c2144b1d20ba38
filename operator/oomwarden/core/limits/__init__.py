"""Which memory limit a container should have, and how an OOM kill changes it."""
