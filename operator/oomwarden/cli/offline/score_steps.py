"""The arithmetic of a score, step by step, for people."""

from oomwarden.cli.output.terminal import visible
from oomwarden.core.badness.badness import THOUSAND
from oomwarden.core.badness.scored import FIRST_PID, ScoredProcess
from oomwarden.core.model.quantity import rounded_bytes

_WIDTH = 22


def explained(process: ScoredProcess) -> str:
    """Return the three figures of a process and how each comes about."""
    parts = [_process(process), _normalized(process), _badness(process), _shown(process), _NOTE]
    return "\n".join(part for part in parts if part)


def _line(name: str, value: object) -> str:
    return f"{name:<{_WIDTH}}{value}\n"


def _process(process: ScoredProcess) -> str:
    if process.pid is None:
        return ""
    use, page = process.use, process.page_size
    never = "never: it is init" if process.pid == FIRST_PID else ""
    return (
        _line("Process", f"{process.pid} ({visible(process.command or '?')})")
        + (_line("  killed", never) if never else "")
        + _line("  resident", rounded_bytes(use.resident * page))
        + _line("  swap", rounded_bytes(use.swapped * page))
        + _line("  page tables", rounded_bytes(use.page_table_bytes))
    )


def _normalized(process: ScoredProcess) -> str:
    usage, total = rounded_bytes(process.usage), rounded_bytes(process.total)
    share = process.pages * THOUSAND // process.total_pages
    adj = process.oom_score_adj
    plain = _line("Score", f"{process.normalized} of 1000")
    if process.points is None:
        return plain + _line("  oom_score_adj", "-1000: it is never killed")
    sign = "-" if adj < 0 else "+"
    uncut = share + adj
    cut = "" if uncut == process.normalized else f", cut to {process.normalized}"
    return (
        plain
        + _line("  memory of total", f"{usage} x 1000 / {total} = {share}")
        + _line("  oom_score_adj", adj)
        + _line("  together", f"{share} {sign} {abs(adj)} = {uncut}{cut}")
    )


def _badness(process: ScoredProcess) -> str:
    if process.points is None:
        return _line("Kernel's badness", "none: the kernel skips it")
    step = process.total_pages // THOUSAND
    adjustment = process.oom_score_adj * step
    sign = "-" if adjustment < 0 else "+"
    in_words = rounded_bytes(process.points * process.page_size)
    return (
        _line("Kernel's badness", f"{process.points} pages ({in_words}); the highest is killed")
        + _line("  memory", f"{process.pages} pages of {rounded_bytes(process.page_size)}")
        + _line("  total", f"{process.total_pages} pages, a thousandth of it {step}")
        + _line("  oom_score_adj", f"{process.oom_score_adj} x {step} = {adjustment} pages")
        + _line("  together", f"{process.pages} {sign} {abs(adjustment)} = {process.points}")
    )


def _shown(process: ScoredProcess) -> str:
    formula = "0 for what is never killed"
    if process.points is not None:
        formula = f"(1000 + {process.points} x 1000 / {process.total_pages}) x 2 / 3"
    lines = _line("/proc/PID/oom_score", f"{process.shown}, since Linux 5.9")
    lines += _line("  arithmetic", formula)
    lines += _line("  before 5.9", process.normalized)
    if process.kernel_score is not None:
        lines += _line("  the kernel shows", _agreement(process, process.kernel_score))
    return lines


def _agreement(process: ScoredProcess, shown: int) -> str:
    if shown == process.shown:
        return f"{shown}, the same"
    if abs(shown - process.shown) <= 1:
        return f"{shown}: its memory changed in between"
    if shown == process.normalized:
        return f"{shown}, as before Linux 5.9"
    return f"{shown}: not the same; it is another total (a cpuset), or its memory changed"


_NOTE = "Nice values, root and CAP_SYS_ADMIN, run time and children no longer count.\n"
