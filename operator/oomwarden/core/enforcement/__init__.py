"""Which scores and group-kill settings a container should have, and what a scan found."""
