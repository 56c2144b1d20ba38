"""How to read the page, for people who have never met the OOM killer."""

from oomwarden.cli.report.html import Markup, element

_TERMS = {
    "Kill": "One decision of the kernel's OOM killer inside a container: a single process, or the "
    "whole container where it is killed as a group.",
    "Limit": "The amount of memory beyond which the kernel kills; a container's own "
    "(resources.limits.memory) unless the cause says otherwise.",
    "Memory before the kill": "What the kernel had charged to the container (memory.current), "
    "read every 10 seconds, and less often longer ago. It includes page cache, most of which the "
    "kernel can drop, so a flat curve close to the limit may be healthy. The last reading can lie "
    "below the limit: memory may grow faster than it is read.",
    "Pattern": "Leak: grows steadily. Sawtooth: goes up and down, as caches and garbage collection "
    "do. Steady: stays level. Startup: rises, then stays level. Spike: jumps within seconds.",
    "oom_score_adj": "From -1000 to 1000: how much sooner (above 0) or later than others the "
    "kernel picks a process. Kubernetes sets it from the QoS class; a policy can set another one.",
}


def reading() -> Markup:
    """Return the terms of the page."""
    entries = [
        element("div", element("dt", term), element("dd", text)) for term, text in _TERMS.items()
    ]
    return element("dl", entries, class_="meanings")
