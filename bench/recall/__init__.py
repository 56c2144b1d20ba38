"""Recall: who tells of every kill, of the right container, once, and how soon.

Four reporters are judged on the same kills in one run: oomwarden's OOMKills; a reader of the
kernel's `oom-kill:` lines (as sapcc's exporter and node-problem-detector are); the kubelet's
container status; the kubelet's metric container_oom_events_total. What is true, the kernel says.
"""
