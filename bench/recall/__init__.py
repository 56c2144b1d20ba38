"""Recall: which reporter reports every kill, of the right container, once, and how soon.

Four reporters are judged on the same kills in one run: oomwarden's OOMKills; a reader of the
kernel's `oom-kill:` lines (like sapcc's exporter and node-problem-detector); the kubelet's
container status; the kubelet's metric container_oom_events_total. The kernel's counters and log
are the ground truth.
"""
