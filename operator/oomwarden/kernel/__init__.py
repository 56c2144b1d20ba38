"""The host: cgroup files, processes, inotify, the kernel log. Knows nothing of Kubernetes's API."""
