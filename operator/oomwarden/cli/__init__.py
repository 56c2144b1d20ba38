"""The command `kubectl oom`."""
