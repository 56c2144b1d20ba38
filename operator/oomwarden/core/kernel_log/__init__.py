"""From bytes of the kernel log to kills: the victims, their cgroup, and whose limit was hit."""
