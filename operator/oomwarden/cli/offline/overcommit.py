"""`kubectl oom overcommit`: modes, CommitLimit and head-room, of this machine or on paper."""

import os
import sys
from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer
from msgspec.structs import replace

from oomwarden.cli.cluster.options import OutputForm
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.input.amounts import amount_option
from oomwarden.cli.output.bars import bar
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.model.quantity import rounded_bytes
from oomwarden.core.overcommit.commitment import Commitment, MachineMemory, machine_memory
from oomwarden.core.overcommit.failures import IN_WORDS, failures
from oomwarden.core.overcommit.settings import OvercommitMode, OvercommitSettings
from oomwarden.core.parse.meminfo import parse_meminfo
from oomwarden.kernel.overcommit import read_meminfo, read_settings

app = sub_command()
_PROC = Path("/proc")
_MAX_MEMINFO = 1 << 20
_WIDTH = 79


@app.command()
def overcommit(
    meminfo: Annotated[
        str | None, typer.Option(help="/proc/meminfo of another machine; - is standard input.")
    ] = None,
    mode: Annotated[int | None, typer.Option(help="vm.overcommit_memory: 0, 1 or 2.")] = None,
    ratio: Annotated[int | None, typer.Option(help="vm.overcommit_ratio in percent.")] = None,
    kbytes: Annotated[int | None, typer.Option(help="vm.overcommit_kbytes.")] = None,
    ram: Annotated[str | None, typer.Option(help="RAM of a machine on paper, such as 8Gi.")] = None,
    swap: Annotated[str | None, typer.Option(help="Swap, such as 2Gi.")] = None,
    hugepages: Annotated[str | None, typer.Option(help="Memory for huge pages.")] = None,
    committed: Annotated[str | None, typer.Option(help="Committed_AS.")] = None,
    output: OutputForm = None,
) -> None:
    r"""Explain overcommit: the mode, CommitLimit, what is promised, and what would fail.

    Without options it reads this machine; options replace what it read.

    \b
    Examples:
      kubectl oom overcommit                     # this machine
      kubectl oom overcommit --mode 2 --ratio 80 # what would mode 2 do to it?
      kubectl oom overcommit --meminfo meminfo.txt
      kubectl oom overcommit --mode 2 --ratio 80 --ram 8Gi --swap 2Gi
    """
    given = _settings(mode, ratio, kbytes)
    sizes = {
        name: None if text is None else amount_option(f"--{name}", text)
        for name, text in (
            ("ram", ram),
            ("swap", swap),
            ("hugepages", hugepages),
            ("committed", committed),
        )
    }
    if meminfo is not None and ram is not None:
        raise CliError("give either --meminfo or --ram, not both", USAGE)
    is_live = meminfo is None and ram is None
    memory = _machine(meminfo) if ram is None else MachineMemory(0, 0)
    own = read_settings(_PROC) if is_live else OvercommitSettings()
    found = Commitment(_replaced(memory, sizes), _merged(own, given), os.sysconf("SC_PAGE_SIZE"))
    if found.memory.huge_pages > found.memory.ram:
        raise CliError("the huge pages are more than the RAM", USAGE)
    is_changed = found.settings != own or found.memory != memory
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(_as_object(found), output))
    else:
        sys.stdout.write(_text(found, is_changed=is_changed))


def _settings(mode: int | None, ratio: int | None, kbytes: int | None) -> OvercommitSettings:
    if mode is not None and mode not in set(OvercommitMode):
        raise CliError(
            f"--mode {mode}: there is no such mode; write 0 (heuristic), 1 (always) or 2 (never)",
            USAGE,
        )
    if ratio is not None and kbytes:
        raise CliError("give either --ratio or --kbytes: the kernel uses one of them", USAGE)
    if min(ratio or 0, kbytes or 0) < 0:
        raise CliError("--ratio and --kbytes cannot be negative", USAGE)
    return OvercommitSettings(mode, ratio, kbytes)


def _merged(own: OvercommitSettings, given: OvercommitSettings) -> OvercommitSettings:
    """Replace what is given; a ratio switches kbytes off, and the other way round."""
    mode = own.mode if given.mode is None else given.mode
    if given.ratio is None and given.kbytes is None:
        return replace(own, mode=mode)
    ratio = own.ratio if given.ratio is None else given.ratio
    return replace(own, mode=mode, ratio=ratio, kbytes=given.kbytes or 0)


def _replaced(memory: MachineMemory, sizes: dict[str, int | None]) -> MachineMemory:
    """Replace what is given; the kernel's CommitLimit is then of another machine."""
    fields = {"ram": "ram", "swap": "swap", "hugepages": "huge_pages", "committed": "committed"}
    given = {fields[name]: size for name, size in sizes.items() if size is not None}
    is_other = given.keys() - {"committed"}
    known = replace(memory, kernel_limit=None) if is_other else memory
    return replace(known, **given)


def _machine(meminfo: str | None) -> MachineMemory:
    name = meminfo or "/proc/meminfo"
    try:
        text = _read(meminfo)
    except OSError as error:
        other = "" if meminfo else "; give --meminfo FILE of a Linux machine, or --ram"
        raise CliError(f"cannot read {name}: {error.strerror}{other}") from error
    found = machine_memory(parse_meminfo(text))
    if found is None:
        raise CliError(f"{name} is not a /proc/meminfo: it has no line MemTotal")
    return found


def _read(meminfo: str | None) -> bytes:
    if meminfo is None:
        return read_meminfo(_PROC)
    if meminfo == "-":
        return sys.stdin.buffer.read(_MAX_MEMINFO)
    with Path(meminfo).open("rb") as file:
        return file.read(_MAX_MEMINFO)


def _text(found: Commitment, *, is_changed: bool) -> str:
    rows = [("Mode", _mode(found.settings.mode)), ("CommitLimit", _formula(found))]
    rows += [("", line) for line in [_compared(found, is_changed=is_changed)] if line]
    rows += _promised(found)
    head = "".join(f"{name:<14}{value}\n" for name, value in rows)
    modes = [found.settings.mode] if found.settings.mode is not None else list(OvercommitMode)
    shown = "".join(_would_fail(found, OvercommitMode(each)) for each in modes)
    return f"{head}\nWhat would fail\n{shown}\n{_all_modes(found.settings.mode)}"


def _mode(mode: int | None) -> str:
    if mode is None:
        return "unknown: /proc/meminfo does not say; give it with --mode"
    which = OvercommitMode(mode)
    return f"{mode} ({which.name.lower()}): {IN_WORDS[which]}"


def _formula(found: Commitment) -> str:
    memory, swap = found.memory, rounded_bytes(found.memory.swap)
    limit = rounded_bytes(found.limit)
    if found.settings.kbytes:
        return f"{limit} = swap {swap} + overcommit_kbytes {found.settings.kbytes}Ki"
    huge = f" - huge pages {rounded_bytes(memory.huge_pages)}" if memory.huge_pages else ""
    ram = f"RAM {rounded_bytes(memory.ram)}"
    ram = f"({ram}{huge})" if huge else ram
    return f"{limit} = swap {swap} + {ram} x {found.ratio} %"


def _compared(found: Commitment, *, is_changed: bool) -> str:
    kernel = found.memory.kernel_limit
    if kernel is None:
        return ""
    if kernel == found.limit:
        return "the kernel says the same, to the page"
    shown = f"the kernel says {rounded_bytes(kernel)}"
    if is_changed:
        return f"{shown} with the settings in force"
    if found.settings.ratio is None:
        return f"{shown}, which no ratio explains: vm.overcommit_kbytes is set there"
    return f"{shown}: huge pages of other sizes, or memory added since, are not in /proc/meminfo"


def _promised(found: Commitment) -> list[tuple[str, str]]:
    committed, room = found.memory.committed, found.head_room
    if committed is None or room is None:
        return []
    part = committed / found.limit if found.limit else 0.0
    full = f"{bar(part, 1)} {part:.0%} of CommitLimit".strip()
    left = rounded_bytes(room) if room >= 0 else f"none: {rounded_bytes(-room)} too much"
    reserve = found.settings.admin_reserve
    kept = f", {rounded_bytes(reserve)} of it for CAP_SYS_ADMIN in mode 2" if reserve else ""
    return [
        ("Committed_AS", f"{rounded_bytes(committed)}  {full}"),
        ("Head-room", left + (kept if room >= 0 else "")),
    ]


def _would_fail(found: Commitment, mode: OvercommitMode) -> str:
    label, text = f"  {mode}  ", failures(found, mode)
    return f"{fill(text, _WIDTH, initial_indent=label, subsequent_indent=' ' * len(label))}\n"


def _all_modes(mode: int | None) -> str:
    lines = (
        f"{'*' if each == mode else ' '} {each}  {each.name.lower():<10} {IN_WORDS[each]}\n"
        for each in OvercommitMode
    )
    return "Modes (vm.overcommit_memory)\n" + "".join(lines)


def _as_object(found: Commitment) -> dict[str, object]:
    mode, settings, memory = found.settings.mode, found.settings, found.memory
    return {
        "mode": mode,
        "modeName": None if mode is None else OvercommitMode(mode).name.lower(),
        "ram": memory.ram,
        "swap": memory.swap,
        "hugePages": memory.huge_pages,
        "overcommitRatio": None if settings.kbytes else found.ratio,
        "overcommitKbytes": settings.kbytes or 0,
        "commitLimit": found.limit,
        "kernelCommitLimit": memory.kernel_limit,
        "committedAS": memory.committed,
        "headRoom": found.head_room,
        "adminReserve": settings.admin_reserve,
        "userReserve": settings.user_reserve,
        "failures": {str(int(each)): failures(found, each) for each in OvercommitMode},
    }
