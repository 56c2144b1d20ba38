"""Files of the kernel, parsed: counters, mounts, processes, names of cgroups."""
