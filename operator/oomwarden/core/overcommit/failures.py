"""The modes of overcommit in words, and what would fail in each.

Source: Linux mm/util.c, __vm_enough_memory (5.2 to 7.1; mode 0 looked at free memory before).
"""

from oomwarden.core.model.quantity import rounded_bytes
from oomwarden.core.overcommit.commitment import Commitment, is_exceeded
from oomwarden.core.overcommit.settings import OvercommitMode

IN_WORDS = {
    OvercommitMode.HEURISTIC: "refuses only an obvious overcommit; the default",
    OvercommitMode.ALWAYS: "promises everything",
    OvercommitMode.NEVER: "promises no more than CommitLimit",
}


def failures(commitment: Commitment, mode: OvercommitMode) -> str:
    """Return sentences on what would fail in a mode."""
    if mode == OvercommitMode.ALWAYS:
        return "No allocation fails. The OOM killer decides when memory runs out."
    if mode == OvercommitMode.HEURISTIC:
        largest = rounded_bytes(commitment.memory.total)
        return (
            f"A single allocation of more than {largest} (RAM and swap) fails with ENOMEM; any "
            "number of smaller ones succeed. The OOM killer decides when memory runs out. "
            "CommitLimit is not enforced."
        )
    return f"{_never(commitment)} {_FORK}"


def _never(commitment: Commitment) -> str:
    if commitment.head_room is None:
        limit = rounded_bytes(commitment.limit)
        return f"Allocations fail with ENOMEM once {limit} are promised, used or not."
    if is_exceeded(commitment):
        over = rounded_bytes(-commitment.head_room)
        return (
            f"{over} more than CommitLimit are promised: every allocation and fork fails with "
            "ENOMEM until processes give memory back."
        )
    small, large = commitment.allowed(0), commitment.allowed(commitment.memory.ram)
    least = "" if small == large else f" ({rounded_bytes(large or 0)} for a very large process)"
    return (
        f"An allocation of more than {rounded_bytes(small or 0)}{least} fails with ENOMEM, even if "
        "memory is free."
    )


_FORK = (
    "A fork promises the private writable memory of the parent once more, so that forks of large "
    "processes fail first."
)
