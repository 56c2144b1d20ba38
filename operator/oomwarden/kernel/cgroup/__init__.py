"""The cgroup2 file system: descriptors, counters, members, group kills."""
