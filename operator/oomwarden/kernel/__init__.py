"""Access to the host: cgroups, processes, inotify and the kernel log. No Kubernetes API here."""
