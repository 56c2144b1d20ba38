"""Which OOMPolicy governs a container and its processes."""
