"""Kills as values for JSON and YAML: stable keys, and null for what the log does not say."""

from typing import Any

from oomwarden.core.log_text.kill import TextKill
from oomwarden.core.log_text.missing import missing

_SIZES = {
    "total-vm": "totalVmKB",
    "anon-rss": "anonRssKB",
    "file-rss": "fileRssKB",
    "shmem-rss": "shmemRssKB",
    "pgtables": "pageTablesKB",
}


def facts(kill: TextKill) -> dict[str, Any]:
    """Return what the log says about a kill; the keys are the same for every kill."""
    chosen, victim = kill.first_chosen, kill.victim
    return {
        "line": kill.line,
        "at": kill.origin.at,
        "printedTime": kill.origin.printed,
        "stamp": kill.origin.stamp,
        "host": kill.origin.host,
        "pid": victim.pid,
        "comm": victim.comm or None,
        "uid": kill.uid,
        "of": kill.of,
        "place": kill.place,
        "limitOf": kill.limit_of,
        "limitKB": kill.limit_kb,
        "usageKB": kill.usage_kb,
        **{key: victim.sizes.get(name) for name, key in _SIZES.items()},
        "oomScoreAdj": kill.oom_score_adj,
        "score": kill.chosen.score if kill.chosen else None,
        "chosen": chosen.pid if chosen else None,
        "chosenComm": chosen.comm if chosen else None,
        "group": kill.group,
        "with": [each.pid for each in kill.members],
        "sharing": list(kill.sharing),
        "numaNodes": kill.constraint.numa_nodes if kill.constraint else None,
        "constraint": kill.constraint.constraint if kill.constraint else None,
        **_context(kill),
        "droppedMessages": kill.dropped,
        "copies": kill.copies,
        "missing": missing(kill),
    }


def _context(kill: TextKill) -> dict[str, Any]:
    invoked, caller = kill.invoked, kill.caller
    return {
        "invokedBy": invoked.comm if invoked else None,
        "invokedByPid": caller.pid if caller else None,
        "gfpMask": invoked.gfp_mask if invoked else None,
        "order": invoked.order if invoked else None,
        "kernel": caller.kernel if caller else None,
        "cgroupBytes": dict(kill.stats),
        "machine": dict(kill.machine),
        "tasks": [
            {
                "pid": each.pid,
                "comm": each.name,
                "uid": each.uid,
                "rssKB": each.rss_kb,
                "swapKB": each.swap_kb,
                "adj": each.adj,
                "badnessKB": each.points,
            }
            for each in (kill.tasks.top if kill.tasks else ())
        ],
        "taskCount": kill.tasks.count if kill.tasks else None,
        "reaped": kill.reaped,
    }
