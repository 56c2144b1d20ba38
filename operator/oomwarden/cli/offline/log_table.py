"""Kills of a log as a table, and in one line each."""

from collections.abc import Sequence

from oomwarden.cli.output.tables import table
from oomwarden.core.log_text.kill import TextKill
from oomwarden.core.log_text.places import place_of
from oomwarden.core.log_text.words import human

_COLUMNS = ("TIME", "PID", "COMMAND", "LIMIT OF", "LIMIT", "RSS", "ADJ")
_WIDE = (*_COLUMNS, "SWAP", "TOTAL-VM", "UID", "HOST", "LINE", "CGROUP")
_RESIDENT = ("anon-rss", "file-rss", "shmem-rss")


def kill_table(kills: Sequence[TextKill], *, wide: bool, headed: bool) -> str:
    """Return a row for each kill."""
    rows = [_row(each, wide=wide) for each in kills]
    return table(_WIDE if wide else _COLUMNS, rows, headed=headed)


def time_of(kill: TextKill) -> str | None:
    """Return the time in the form that says most: with a year, as printed, since boot."""
    origin = kill.origin
    if origin.at or origin.printed:
        return origin.at or origin.printed
    return None if origin.stamp is None else f"{origin.stamp:.6f}"


def whose(kill: TextKill) -> str | None:
    """Return whose limit it was, in a few words."""
    if kill.constraint and kill.constraint.numa_nodes:
        return f"NUMA node {kill.constraint.numa_nodes}"
    if kill.of == "machine":
        return "the machine"
    if kill.limit_of:
        return place_of(kill.limit_of).short
    if kill.group:
        return f"above {place_of(kill.group).short}"
    return "a cgroup" if kill.of == "cgroup" else None


def _row(kill: TextKill, *, wide: bool) -> list[object]:
    sizes = [kill.victim.sizes[each] for each in _RESIDENT if each in kill.victim.sizes]
    more = len(kill.members) + kill.more_members
    row: list[object] = [
        time_of(kill),
        kill.victim.pid,
        (kill.victim.comm or "<unknown>") + (f" (+{more})" if more else ""),
        whose(kill),
        None if kill.limit_kb is None else human(kill.limit_kb),
        human(sum(sizes)) if sizes else None,
        kill.oom_score_adj,
    ]
    if wide:
        total = kill.victim.sizes.get("total-vm")
        row += [_swap(kill), None if total is None else human(total), kill.uid]
        row += [kill.origin.host, kill.line, kill.place or kill.group]
    return row


def _swap(kill: TextKill) -> str | None:
    """Return the victim's swap, which only the list of tasks shows."""
    return human(kill.row.swap_kb) if kill.row else None
