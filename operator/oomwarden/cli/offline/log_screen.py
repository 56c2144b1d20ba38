"""One kill of a log on a screen, for a person who was paged."""

import textwrap
from collections.abc import Iterator, Sequence

from oomwarden.cli.offline.log_table import time_of
from oomwarden.cli.output.terminal import visible
from oomwarden.core.log_text.kill import TextKill, WithoutVictim
from oomwarden.core.log_text.messages.events import VictimLine
from oomwarden.core.log_text.missing import missing
from oomwarden.core.log_text.places import place_of
from oomwarden.core.log_text.tasks import RankedTask
from oomwarden.core.log_text.words import (
    SIZES,
    adj_words,
    asked_words,
    human,
    limit_words,
    machine_words,
    score_words,
    stats_words,
)

_LABEL = 10
_MOST_OTHERS = 10
_WIDTH = 67


def screen(kill: TextKill) -> str:
    """Return everything that the log says about a kill."""
    lines = [_title(kill)]
    before = ""
    for label, texts in _sections(kill):
        for text in filter(None, texts):
            lines.append(f"  {'' if label == before else label:<{_LABEL}} {visible(text)}")
            before = label
    return "\n".join(lines) + "\n"


def unnamed(each: WithoutVictim) -> str:
    """Return a line about a report without a victim."""
    origin = each.origin
    time = origin.at or origin.printed or (f"{origin.stamp:.6f}" if origin.stamp else None)
    who = f"{each.invoked.comm} asked for memory: " if each.invoked and each.invoked.comm else ""
    of = f" (limit of {place_of(each.limit_of).words})" if each.limit_of else ""
    when = f"{time}: " if time else ""
    return visible(f"line {each.line}: {when}{who}{each.reason}{of}") + "\n"


def _title(kill: TextKill) -> str:
    victim, uid = kill.victim, kill.uid
    name = visible(victim.comm) if victim.comm else "a process"
    pid = "pid unknown" if victim.pid is None else f"pid {victim.pid}"
    user = "" if uid is None else f", user {uid}" + (" (root)" if uid == 0 else "")
    return f"{name} ({pid}{user}) was killed"


def _why(kill: TextKill) -> str:
    numa = kill.constraint.numa_nodes if kill.constraint else None
    if numa:
        return f"NUMA node {numa} ran out of memory; other nodes may have memory free"
    if kill.of == "machine":
        return "the machine ran out of memory"
    if kill.limit_of:
        return f"{place_of(kill.limit_of).words} reached its memory limit"
    if kill.of == "cgroup":
        return "a cgroup reached its memory limit"
    return "whose memory ran out is not in the log"


def _sections(kill: TextKill) -> Iterator[tuple[str, Sequence[str | None]]]:
    yield "Why", _lines(_why(kill))
    yield "When", _lines(_when(kill))
    yield "Dropped", [_dropped(kill)]
    yield "Limit of", [kill.limit_of]
    for text in (limit_words(kill), stats_words(kill.stats), _machine(kill)):
        yield "Used", _lines(text)
    yield "Lived in", _place(kill)
    yield "Chosen", _lines(_chosen(kill))
    yield "Memory", _memory(kill.victim)
    yield "Score", [*_lines(adj_words(kill)), *_lines(score_words(kill))]
    yield "Also", _others(kill)
    yield "Asked by", _lines(_asked(kill))
    yield "Tasks", list(_tasks(kill))
    yield "Missing", _wrapped(missing(kill))
    yield "Find it", _commands(kill)


def _when(kill: TextKill) -> str | None:
    origin = kill.origin
    parts = [time_of(kill) if origin.at or origin.printed else None]
    parts += [None if origin.stamp is None else f"{origin.stamp:.6f} s after boot"]
    parts += [f"on {origin.host}" if origin.host else None, f"line {kill.line}"]
    parts += [f"{kill.copies} times in the log" if kill.copies > 1 else None]
    return ", ".join(each for each in parts if each)


def _dropped(kill: TextKill) -> str | None:
    if not kill.losses:
        return None
    by = " and ".join(dict.fromkeys(each.by for each in kill.losses))
    count = f"{kill.dropped} messages" if kill.dropped else "messages"
    return f"{count} before this kill were dropped by {by}"


def _place(kill: TextKill) -> list[str | None]:
    place = kill.place or kill.group
    if place is None or place == kill.limit_of:
        return []
    words = place_of(place).words
    return [place] if words.endswith(place) else [*_lines(words), place]


def _chosen(kill: TextKill) -> str | None:
    first = kill.first_chosen
    if first is None:
        return None
    return f"the kernel chose {first.comm} (pid {first.pid}), and killed a child of it instead"


def _memory(victim: VictimLine) -> list[str | None]:
    width = max((len(human(each)) for each in victim.sizes.values()), default=0)
    return [
        f"{name:<9}  {human(victim.sizes[name]):>{width}}  {words}"
        for name, words in SIZES.items()
        if name in victim.sizes
    ]


def _others(kill: TextKill) -> list[str | None]:
    lines: list[str | None] = []
    if kill.group:
        count = len(kill.members) + kill.more_members
        more = "1 more process was" if count == 1 else f"{count or 'no'} more processes were"
        lines.append(f"memory.oom.group is set, so {more} killed with it")
    shown = [f"{each.comm} (pid {each.pid})" for each in kill.members[:_MOST_OTHERS]]
    rest = len(kill.members) + kill.more_members - len(shown)
    lines += _wrapped([*shown, *([f"{rest} more"] if rest else [])])
    if kill.sharing:
        pids = ", ".join(map(str, kill.sharing[:_MOST_OTHERS]))
        lines.append(f"killed with it, because they share its memory: {pids}")
    if kill.reaped is False:
        lines.append("the oom_reaper could not free its memory at once")
    return lines


def _asked(kill: TextKill) -> str | None:
    if kill.invoked is None:
        return None
    pid = f" (pid {kill.caller.pid})" if kill.caller else ""
    kernel = f"; Linux {kill.caller.kernel}" if kill.caller and kill.caller.kernel else ""
    return f"{kill.invoked.comm or 'a process'}{pid}, for {asked_words(kill.invoked)}{kernel}"


def _machine(kill: TextKill) -> str | None:
    return machine_words(kill.machine) if kill.of != "cgroup" else None


def _tasks(kill: TextKill) -> Iterator[str]:
    ranking = kill.tasks
    if ranking is None:
        return
    total = f" of {human(ranking.total_kb)}" if ranking.total_kb else ""
    how = "resident + page tables + swap"
    how += f" + oom_score_adj/1000{total}" if ranking.has_adj else ", times 2^oom_adj"
    count = "1 task" if ranking.count == 1 else f"{ranking.count} tasks"
    yield f"{count}, {human(ranking.memory_kb)}; ranked by {how}"
    yield f"  {'PID':>8}  {'COMMAND':<16}{'MEMORY':>8}{'SWAP':>8}{'ADJ':>7}{'BADNESS':>9}"
    for each in ranking.top:
        yield _task(each, is_victim=each.pid == kill.victim.pid)


def _task(task: RankedTask, *, is_victim: bool) -> str:
    badness = "never" if task.is_exempt else "" if task.points is None else human(task.points)
    mark = "> " if is_victim else "  "
    memory, swap = human(task.memory_kb), human(task.swap_kb)
    name = visible(task.name)[:15]
    return f"{mark}{task.pid:>8}  {name:<16}{memory:>8}{swap:>8}{task.adj:>7}{badness:>9}"


def _commands(kill: TextKill) -> list[str | None]:
    """Return commands that find the pod or the container."""
    place = place_of(kill.where) if kill.where else None
    if place is None:
        return []
    pods = (
        f"kubectl get pods -A -o custom-columns=:.metadata.uid,:.metadata.name | grep {place.pod}"
    )
    found = [pods if place.pod else None]
    runtime = "docker ps -a --filter id=" if "Docker" in place.words else "crictl ps -a --id "
    found += [f"{runtime}{place.short.split()[-1]}" if place.container else None]
    return found


def _lines(text: str | None) -> list[str | None]:
    return list(textwrap.wrap(text, _WIDTH, break_long_words=False)) if text else []


def _wrapped(parts: Sequence[str], width: int = _WIDTH) -> list[str | None]:
    """Return parts with commas, in lines of a width."""
    lines: list[str] = []
    for at, part in enumerate(parts):
        text = part + ("," if at < len(parts) - 1 else "")
        if lines and len(lines[-1]) + len(text) < width:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return list(lines)
