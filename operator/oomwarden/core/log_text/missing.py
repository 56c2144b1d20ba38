"""What a log does not say about a kill, in words."""

from oomwarden.core.log_text.kill import TextKill

_SIZES = {
    "total-vm": "total-vm",
    "anon-rss": "anon-rss",
    "file-rss": "file-rss",
}


def missing(kill: TextKill) -> list[str]:
    """Return what is not in the log, though kernels print it."""
    victim = kill.victim
    found = []
    if kill.is_named_only:
        found.append("the line 'Killed process'")
    if kill.origin.at is None and kill.origin.printed is None and kill.origin.stamp is None:
        found.append("the time")
    if not victim.comm:
        found.append("the command")
    if kill.of is None:
        found.append("whether a cgroup or the machine ran out of memory")
    found += _cgroups(kill)
    found += [name for name in _SIZES if name not in victim.sizes]
    if victim.is_cut:
        found.append("the end of the line")
    if kill.uid is None:
        found.append("the user" + _never_printed(kill))
    if kill.oom_score_adj is None:
        found.append("oom_score_adj" + _never_printed(kill))
    found += _report(kill)
    return found


def _never_printed(kill: TextKill) -> str:
    return " (this kernel does not print it)" if kill.chosen else ""


def _cgroups(kill: TextKill) -> list[str]:
    found = []
    if kill.where is None:
        found.append("the victim's cgroup")
    if kill.of == "cgroup":
        if kill.limit_of is None:
            found.append("whose limit it was")
        if "memory" not in kill.usage:
            found.append("limit and usage")
    return found


def _report(kill: TextKill) -> list[str]:
    found = []
    if kill.invoked is None:
        found.append("who asked for memory")
    if kill.tasks is None:
        found.append("the list of tasks")
    return found
