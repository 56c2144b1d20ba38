"""What thousands of nodes cost: the real operator beside a real API server, without any node."""
