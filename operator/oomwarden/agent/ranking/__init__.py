"""Serves the ranking, by which the kernel would kill, to people with the right to ask."""
