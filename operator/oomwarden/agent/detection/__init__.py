"""Kill detection: cgroup watches, memory.events counters, the kernel log, memory samples."""
