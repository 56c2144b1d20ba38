"""A kill is detected here: watches on cgroups, counters, the kernel log, samples of memory."""
