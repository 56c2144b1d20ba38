"""`kubectl oom log`: explain the OOM kills in a kernel log, without a cluster."""

import sys
from collections.abc import Set as AbstractSet
from typing import Annotated, Any

import typer

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.offline.log_file import STDIN, LogFile
from oomwarden.cli.offline.log_screen import screen, unnamed
from oomwarden.cli.offline.log_table import kill_table, time_of
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.output.terminal import visible
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.log_text.json_form import facts
from oomwarden.core.log_text.kill import TextKill
from oomwarden.core.log_text.reader import KillReader
from oomwarden.core.log_text.user_space import UserSpaceKillers

app = sub_command()
MAX_SCREENS = 3
"""More kills than this are shown as a table, unless --details is given."""
_MAX_UNNAMED = 5


@app.command()
def log(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="A kernel log in any form; - is a pipe."),
    ] = None,
    pid: Annotated[int | None, typer.Option(help="Kills of this process.", min=1)] = None,
    last: Annotated[int | None, typer.Option(help="The last N kills.", min=1)] = None,
    details: Annotated[bool, typer.Option("--details", help="Everything about each kill.")] = False,
    output: Annotated[
        Output | None, typer.Option("-o", "--output", help="The form of the output.")
    ] = None,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="No headings.")] = False,
) -> None:
    """Explain the OOM kills in a kernel log: dmesg, journalctl, syslog, a console, a ticket.

    \b
    Examples:
      kubectl oom log /var/log/messages.1.gz --last 2
      kubectl oom log ticket.txt --details
      journalctl -k -b -1 | kubectl oom log -    # the boot before this one
    """
    source, reader, others = LogFile(_only(files or [STDIN])), KillReader(), UserSpaceKillers()
    for chunk in source.chunks():
        reader.feed(chunk)
        others.feed(chunk)
    reader.finish()
    kills = _wanted(reader.kills, pid, last)
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(_as_object(reader, kills), output))
    else:
        sys.stdout.write(_for_people(reader, kills, output, details=details, headed=not no_headers))
    sys.stdout.flush()
    _judge(source, reader, kills, pid, others.found)


def _only(files: list[str]) -> str:
    if len(files) > 1:
        raise CliError(
            f"give one log, or all of them as one: cat {' '.join(files)} | kubectl oom log -", USAGE
        )
    return files[0]


def _wanted(kills: list[TextKill], pid: int | None, last: int | None) -> list[TextKill]:
    if pid is not None:
        kills = [each for each in kills if pid in _pids(each)]
    return kills[-last:] if last else kills


def _pids(kill: TextKill) -> set[int | None]:
    chosen = {kill.chosen.pid} if kill.chosen else set()
    return {kill.victim.pid, *(each.pid for each in kill.members), *kill.sharing, *chosen}


def _as_object(reader: KillReader, kills: list[TextKill]) -> dict[str, Any]:
    without = [
        {
            "line": each.line,
            "at": each.origin.at,
            "stamp": each.origin.stamp,
            "host": each.origin.host,
            "reason": each.reason,
            "invokedBy": each.invoked.comm if each.invoked else None,
            "limitOf": each.limit_of,
        }
        for each in reader.without_victim
    ]
    summary = {
        "kills": len(reader.kills) + reader.kept.dropped,
        "reportsWithoutVictim": reader.reports_without_victim,
        "droppedMessages": reader.lost_messages,
    }
    return {"summary": summary, "kills": [facts(each) for each in kills], "withoutVictim": without}


def _for_people(
    reader: KillReader, kills: list[TextKill], output: Output | None, *, details: bool, headed: bool
) -> str:
    if output == Output.NAME:
        return "".join(f"{each.victim.pid or '-'}/{visible(each.victim.comm)}\n" for each in kills)
    if output == Output.WIDE:
        return kill_table(kills, wide=True, headed=headed) if kills else ""
    parts = [_summary(reader)] if headed and kills and len(reader.kills) > 1 else []
    if details or len(kills) <= MAX_SCREENS:
        parts += [screen(each) for each in kills]
    elif kills:
        parts += [kill_table(kills, wide=False, headed=headed)]
    if reader.without_victim and headed:
        parts.append(_reports_without_victim(reader))
    return "\n".join(parts)


def _summary(reader: KillReader) -> str:
    kills, kept = reader.kills, reader.kept
    cgroups = {each.limit_of or each.group for each in kills if each.of == "cgroup"}
    count = len(kills) + kept.dropped
    parts = [f"{count} kills"]
    if kept.dropped:
        parts.append(f"the last {len(kills)} are shown")
    named = len(cgroups - {None})
    if named:
        parts.append(f"{named} cgroup{'s' if named > 1 else ''}")
    machine = sum(each.of == "machine" for each in kills)
    if machine:
        parts.append(f"{machine} because the machine ran out of memory")
    times = [time for each in kills if (time := time_of(each))]
    if times:
        parts.append(f"from {times[0]} to {times[-1]}")
    if reader.lost_messages:
        parts.append(f"{reader.lost_messages} messages dropped")
    return visible(", ".join(parts)) + "\n"


def _reports_without_victim(reader: KillReader) -> str:
    shown = list(reader.without_victim)[-_MAX_UNNAMED:]
    count = reader.reports_without_victim
    head = f"{count} reports of the OOM killer name no victim"
    head = "1 report of the OOM killer names no victim" if count == 1 else head
    more = f", the last {len(shown)} are" if reader.reports_without_victim > len(shown) else ""
    return f"{head}{more}:\n" + "".join(f"  {unnamed(each)}" for each in shown)


def _judge(
    source: LogFile,
    reader: KillReader,
    kills: list[TextKill],
    pid: int | None,
    others: AbstractSet[str],
) -> None:
    """Fail if there is no kill to explain, and warn if the log is damaged."""
    if kills or (reader.reports_without_victim and pid is None):
        if source.damage:
            sys.stderr.write(f"warning: {visible(source.name)} is cut off: {source.damage}\n")
        if others:
            sys.stderr.write(f"note: {_killed_by(others)}\n")
        return
    if source.size == 0:
        reason = f"cannot be read: {source.damage}" if source.damage else "is empty"
        raise CliError(f"{source.name} {reason}")
    if pid is not None and reader.kills:
        raise CliError(f"{source.name} has no OOM kill of process {pid}")
    if source.is_binary:
        raise CliError(f"{source.name} is no text, and has no OOM kill; give a kernel log")
    if others:
        raise CliError(f"{source.name} has no OOM kill by the kernel, but {_killed_by(others)}")
    raise CliError(
        f"{source.name} has no OOM kill; the kernel log of the node has it: "
        "journalctl -k, dmesg or /var/log/messages",
    )


def _killed_by(others: AbstractSet[str]) -> str:
    units = " ".join(f"-u {each}" for each in sorted(others))
    names = " and ".join(sorted(others))
    return f"{names} killed something, which acts before the kernel; run: journalctl {units}"
