"""What a node's kernel has promised: Committed_AS against CommitLimit, computed again."""

from msgspec import Struct

from oomwarden.core.diagnosis.node_view import NodeView
from oomwarden.core.overcommit.commit_limit import DEFAULT_RATIO, commit_limit

ENFORCED = "Never"
"""The only mode in which the limit counts."""
_TOLERANCE = 1 << 20
"""Pages may have 64 KiB, and the figures are read one after the other."""


class Promises(Struct, frozen=True):
    """What the kernel has promised, in bytes; None if it is not known.

    Attributes:
        limit: CommitLimit as the kernel shows it.
        computed: The same from RAM, huge pages, swap and the settings.
        committed: Committed_AS.
        enforced: Whether the limit is in force.
    """

    limit: int | None
    computed: int | None
    committed: int | None
    enforced: bool

    @property
    def share(self) -> float | None:
        """Committed_AS in percent of CommitLimit."""
        if self.committed is None or not self.limit:
            return None
        return 100 * self.committed / self.limit

    @property
    def differs(self) -> bool:
        """Whether the kernel's limit is not the one that its settings result in."""
        if self.limit is None or self.computed is None:
            return False
        return abs(self.limit - self.computed) > _TOLERANCE


def promises_of(node: NodeView) -> Promises:
    """Return what the kernel of a node has promised."""
    sizes = node.sizes
    return Promises(
        sizes.get("commitLimit"),
        _computed(node),
        sizes.get("committedAS"),
        node.mode == ENFORCED,
    )


def _computed(node: NodeView) -> int | None:
    sizes, kbytes = node.sizes, node.sizes.get("kbytes", 0)
    if not {"total", "swapTotal"} <= sizes.keys() or (node.ratio is None and not kbytes):
        return None
    return commit_limit(
        sizes["total"],
        sizes["swapTotal"],
        huge_pages=sizes.get("hugePages", 0),
        ratio=DEFAULT_RATIO if node.ratio is None else node.ratio,
        kbytes=kbytes // 1024,
    )
