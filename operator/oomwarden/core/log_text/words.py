"""Say in words what the kernel's numbers of a kill mean."""

from oomwarden.core.log_text.kill import NO_LIMIT_KB, TextKill
from oomwarden.core.log_text.messages.events import InvokedLine
from oomwarden.core.log_text.tasks import kernel_release
from oomwarden.core.model.quantity import rounded_bytes

_STEP = 1024
SIZES = {
    "anon-rss": "its own memory: heap, stacks, anonymous maps",
    "file-rss": "files mapped into memory, such as its program",
    "shmem-rss": "shared memory and tmpfs",
    "pgtables": "page tables",
    "total-vm": "address space: reserved, mostly not in memory",
}
"""The sizes of a victim in the order of their weight, in words."""
_GFP = (
    ("GFP_HIGHUSER", "memory for a process"),
    ("GFP_TRANSHUGE", "a huge page for a process"),
    ("GFP_USER", "memory for a process"),
    ("GFP_NOFS", "memory for a file system"),
    ("GFP_NOIO", "memory for a block device"),
    ("GFP_KERNEL_ACCOUNT", "memory of the kernel, charged to the cgroup"),
    ("GFP_KERNEL", "memory of the kernel"),
    ("GFP_ATOMIC", "memory of the kernel that cannot wait"),
)
_OLD_GFP = {
    0xD0: "memory of the kernel",
    0x50: "memory for a file system",
    0x201DA: "a page of a file, for the page cache",
    0x200DA: "memory for a process",
    0x280DA: "memory for a process",
    0x201D2: "memory for a process",
    0x84D0: "a page table",
    0x2084D0: "a page table",
    0x2000D0: "memory of the kernel",
    0x3000D0: "memory of the kernel",
    0x40D0: "memory of the kernel (slab)",
    0x44D0: "memory of the kernel (slab)",
    0x102005A: "memory for a file system",
}
"""The numbers of kernels before 4.5, which printed no names (include/linux/gfp.h, 2.6 and 3.10)."""
_RISKY_ORDER = 2
_SYSRQ_ORDER = -1
_MOST = 1000
_STATS = {
    "anon": "anonymous memory",
    "rss": "anonymous memory",
    "file": "page cache",
    "cache": "page cache",
    "shmem": "tmpfs and shared memory",
    "slab": "slab",
    "kernel_stack": "kernel stacks",
    "pagetables": "page tables",
    "percpu": "per-CPU memory",
    "sock": "sockets",
    "vmalloc": "vmalloc",
    "swap": "swap",
}


def human(kilobytes: int) -> str:
    """Return a size that the kernel prints in kB for people: 31.3Mi."""
    return rounded_bytes(kilobytes * _STEP)


def limit_words(kill: TextKill) -> str | None:
    """Return how full the cgroup was."""
    counters = [each for each in kill.usage.values() if each.limit < NO_LIMIT_KB]
    full = [
        f"{each.counter}: {human(each.usage)} used of {human(each.limit)}"
        + (f", {each.failures} times at the limit" if each.failures else "")
        for each in counters
        if each.limit or each.counter != "swap"
    ]
    if any(each.counter == "swap" and not each.limit for each in counters):
        full.append("no swap allowed")
    return "; ".join(full) or None


def adj_words(kill: TextKill) -> str | None:
    """Return what the victim's oom_score_adj means."""
    adj = kill.oom_score_adj
    if adj is None:
        return None
    percent = f"{abs(adj) / 10:g} %"
    in_pod = "kubepods" in (kill.where or "kubepods")
    if adj == 0:
        return "oom_score_adj 0: only its memory counts"
    if adj < 0:
        return f"oom_score_adj {adj}: protected by {percent} of what the kernel chose in"
    if not in_pod:
        return f"oom_score_adj {adj}: more likely by {percent} of what the kernel chose in"
    if adj == _MOST:
        return "oom_score_adj 1000: first in line, as the kubelet sets it for BestEffort pods"
    request = f"{(_MOST - adj) / 10:g} %"
    return (
        f"oom_score_adj {adj}: as the kubelet sets it for a Burstable pod that requests "
        f"{request} of the node's memory"
    )


def score_words(kill: TextKill) -> str | None:
    """Return what the score means that kernels before 5.0 print."""
    score = kill.chosen.score if kill.chosen else None
    if score is None:
        return None
    release = kernel_release(kill.caller.kernel if kill.caller else None)
    if release is not None and release < (2, 7) and kill.tasks and not kill.tasks.has_adj:
        return f"score {score}: pages, less for CPU time and age, more for nice processes"
    if kill.chosen and kill.chosen.is_allocating_task:
        return "score 0: vm.oom_kill_allocating_task is set, so the one who asked is killed"
    whole = "its cgroup's limit" if kill.of == "cgroup" else "the machine's memory"
    return f"score {score}: its memory in thousandths of {whole}, plus oom_score_adj"


def asked_words(invoked: InvokedLine) -> str:
    """Return what somebody asked the kernel for."""
    if invoked.order == _SYSRQ_ORDER:
        return "somebody who pressed SysRq-f, or wrote f to /proc/sysrq-trigger"
    for_what = next((w for name, w in _GFP if name in (invoked.gfp_flags or "")), None)
    for_what = for_what or _OLD_GFP.get(int(invoked.gfp_mask, 16))
    words = f"gfp_mask {invoked.gfp_flags or invoked.gfp_mask}"
    words = f"{for_what} ({words})" if for_what else words
    if not invoked.order:
        return words
    pages = f"{1 << min(invoked.order, 20)} pages in a row (order {invoked.order})"
    if invoked.order >= _RISKY_ORDER:
        pages += "; memory may be free, but in pieces"
    return f"{words}, {pages}"


def stats_words(stats: dict[str, int]) -> str | None:
    """Return what filled the cgroup, the largest part first."""
    slab = stats.get("slab_reclaimable", 0) + stats.get("slab_unreclaimable", 0)
    known = {**stats, "slab": max(stats.get("slab", 0), slab)}
    parts: dict[str, int] = {}
    for name, words in _STATS.items():
        parts[words] = max(parts.get(words, 0), known.get(name, 0) // _STEP)
    largest = sorted(((size, words) for words, size in parts.items() if size), reverse=True)
    return ", ".join(f"{words} {human(size)}" for size, words in largest[:5]) or None


def machine_words(machine: dict[str, int]) -> str | None:
    """Return the state of the machine, as `Mem-Info` shows it."""
    pages = {
        "anonymous memory": machine.get("active_anon", 0) + machine.get("inactive_anon", 0),
        "page cache": machine.get("active_file", 0) + machine.get("inactive_file", 0),
        "tmpfs and shared memory": machine.get("shmem", 0),
        "slab that cannot be freed": machine.get("slab_unreclaimable", 0),
        "page tables": machine.get("pagetables", 0),
        "free": machine.get("free", 0),
    }
    parts = [f"{words} {human(count * 4)}" for words, count in pages.items() if count]
    if "ram_pages" in machine:
        parts.insert(0, f"RAM {human(machine['ram_pages'] * 4)}")
    if "swap_kb" in machine:
        free = machine.get("free_swap_kb", 0)
        swap = f"swap {human(machine['swap_kb'])}, {human(free)} of it free"
        parts.append(swap if machine["swap_kb"] else "no swap")
    return ", ".join(parts) or None
