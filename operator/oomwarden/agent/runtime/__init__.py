"""What the process needs to run: settings, threads, locks, health."""
