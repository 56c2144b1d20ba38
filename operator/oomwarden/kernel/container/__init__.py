"""A container's processes and memory, across its cgroups."""
