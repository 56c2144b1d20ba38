"""The cgroup v2 file system: descriptors, counters, member processes, group kills."""
