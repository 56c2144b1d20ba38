"""The DaemonSet: one process per node that detects, enforces and reports."""
