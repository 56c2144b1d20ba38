"""`kubectl oom score`: the kernel's arithmetic for one process, on paper or on this machine."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from oomwarden.cli.cluster.options import NoHeaders, OutputForm
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.input.amounts import amount_option
from oomwarden.cli.offline.score_steps import explained
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.output.tables import table
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.badness.badness import NEVER, ProcessMemoryUse
from oomwarden.core.badness.scored import ScoredProcess, ranked, scored
from oomwarden.core.model.quantity import rounded_bytes
from oomwarden.core.overcommit.commitment import machine_memory
from oomwarden.core.parse.meminfo import parse_meminfo
from oomwarden.kernel.overcommit import read_meminfo
from oomwarden.kernel.proc.process import ProcessGoneError, ProcRoot
from oomwarden.kernel.proc.scores import read_process

app = sub_command()
_PROC = Path("/proc")
_TOP = 20
_COLUMNS = ("PID", "COMMAND", "MEMORY", "ADJ", "SCORE", "BADNESS", "OOM_SCORE")
_WIDE = (*_COLUMNS, "RESIDENT", "SWAP", "PAGE-TABLES", "COMPUTED")


@app.command()
def score(
    usage: Annotated[
        str | None, typer.Option(help="Memory of the process: resident, swap, page tables.")
    ] = None,
    total: Annotated[
        str | None, typer.Option(help="RAM and swap, or the limit of the container.")
    ] = None,
    adj: Annotated[int, typer.Option(help="oom_score_adj, -1000 to 1000.")] = 0,
    pid: Annotated[int | None, typer.Option(help="A process of this machine.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All processes of this machine, the next victim first.")
    ] = False,
    top: Annotated[int, typer.Option(help="With --all: this many; 0 is all of them.")] = _TOP,
    output: OutputForm = None,
    no_headers: NoHeaders = False,
) -> None:
    r"""Show how the kernel scores a process: the highest is killed first.

    Only memory and oom_score_adj count. Nice values, root and CAP_SYS_ADMIN, run time and the
    memory of children no longer do (since Linux 2.6.36, 4.17, 2.6.36 and 5.1).

    \b
    Examples:
      kubectl oom score --usage 2Gi --total 8Gi            # 250
      kubectl oom score --usage 2Gi --total 8Gi --adj -200 # 50
      kubectl oom score --pid 4242                         # and what the kernel shows
      kubectl oom score --all -o wide
    """
    on_paper = usage is not None or total is not None
    if on_paper + (pid is not None) + everything != 1:
        raise CliError("give --usage and --total, or --pid, or --all", USAGE)
    if everything:
        sys.stdout.write(_listing(_processes(top), output, headed=not no_headers))
        return
    found = _paper(usage, total, adj) if pid is None else _live(pid)
    if output in {Output.JSON, Output.YAML}:
        sys.stdout.write(serialized(_as_object(found), output))
    else:
        sys.stdout.write(explained(found))


def _paper(usage: str | None, total: str | None, adj: int) -> ScoredProcess:
    if usage is None or total is None:
        raise CliError("give both --usage and --total, such as --usage 2Gi --total 8Gi", USAGE)
    if not NEVER <= adj <= -NEVER:
        raise CliError(f"--adj {adj}: oom_score_adj is between -1000 and 1000", USAGE)
    used, whole = amount_option("--usage", usage), amount_option("--total", total)
    page = os.sysconf("SC_PAGE_SIZE")
    if whole < page:
        raise CliError("--total is less than a page of memory", USAGE)
    if used > whole:
        raise CliError(f"--usage {usage} is more than --total {total}", USAGE)
    return scored(ProcessMemoryUse(used // page, 0, 0), adj, whole, page)


def _machine_total() -> int:
    try:
        memory = machine_memory(parse_meminfo(read_meminfo(_PROC)))
    except OSError as error:
        raise CliError("--pid and --all need a Linux machine: it has /proc/meminfo") from error
    if memory is None:
        raise CliError("/proc/meminfo has no line MemTotal")
    return memory.total


def _live(pid: int) -> ScoredProcess:
    total = _machine_total()
    try:
        found = read_process(ProcRoot(_PROC), pid, total)
    except (ProcessGoneError, OverflowError) as error:
        raise CliError(f"there is no process {pid} on this machine") from error
    except OSError as error:
        raise CliError(f"cannot read process {pid}: {error.strerror}") from error
    if found is None:
        raise CliError(
            f"process {pid} has no memory of its own (a kernel thread, or it is exiting): the "
            "kernel never chooses it"
        )
    return found


def _processes(top: int) -> list[ScoredProcess]:
    if top < 0:
        raise CliError("--top cannot be negative", USAGE)
    total, root = _machine_total(), ProcRoot(_PROC)
    found = []
    for pid in root.pids():
        try:
            process = read_process(root, pid, total)
        except (ProcessGoneError, OSError, ValueError):
            continue  # it has exited
        if process is not None:
            found.append(process)
    return ranked(found)[: top or None]


def _listing(found: list[ScoredProcess], output: Output | None, *, headed: bool) -> str:
    if output in {Output.JSON, Output.YAML}:
        return serialized([_as_object(each) for each in found], output)
    if output == Output.NAME:
        return "".join(f"{each.pid}\n" for each in found)
    is_wide = output == Output.WIDE
    rows = [_row(each, is_wide=is_wide) for each in found]
    return table(_WIDE if is_wide else _COLUMNS, rows, headed=headed)


def _row(each: ScoredProcess, *, is_wide: bool) -> list[object]:
    badness = "never" if each.points is None else each.points
    cells: list[object] = [
        each.pid,
        each.command,
        rounded_bytes(each.usage),
        each.oom_score_adj,
        each.normalized,
        badness,
        each.kernel_score,
    ]
    if is_wide:
        use = each.use
        cells += [rounded_bytes(use.resident * each.page_size)]
        cells += [rounded_bytes(use.swapped * each.page_size), rounded_bytes(use.page_table_bytes)]
        cells += [each.shown]
    return cells


def _as_object(each: ScoredProcess) -> dict[str, object]:
    return {
        "pid": each.pid,
        "command": each.command,
        "usage": each.usage,
        "total": each.total,
        "resident": each.use.resident * each.page_size,
        "swap": each.use.swapped * each.page_size,
        "pageTables": each.use.page_table_bytes,
        "oomScoreAdj": each.oom_score_adj,
        "score": each.normalized,
        "badnessPages": each.points,
        "pageSize": each.page_size,
        "oomScore": {"computed": each.shown, "kernel": each.kernel_score},
    }
