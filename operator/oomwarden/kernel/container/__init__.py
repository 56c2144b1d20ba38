"""The processes and the memory of a container, across all its cgroups."""
