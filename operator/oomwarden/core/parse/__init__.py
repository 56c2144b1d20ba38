"""Parsers for files of the kernel (counters, mounts, processes) and for names of cgroups."""
