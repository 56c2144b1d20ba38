"""One look at all containers in which nothing is expected to have changed.

A hand-over to the worker's thread costs more than listing the processes of a container.
"""

from collections.abc import Sequence
from functools import partial

from oomwarden.agent.enforcement.tracked import TrackedContainer
from oomwarden.agent.runtime.worker import KernelWorker, StuckError
from oomwarden.kernel.container.scores import unchanged
from oomwarden.kernel.roots import HostRoots

ALL = 0
"""No cgroup has this inode number: a look that is stuck is one of all containers."""


async def quiet(
    worker: KernelWorker, places: HostRoots, due: Sequence[TrackedContainer]
) -> dict[int, frozenset[int]]:
    """Give the pids of the containers, by inode, that have none beside those known to be right.

    Where there are rules for processes a pid tells nothing: its command line may be a new one.
    """
    plain = (each for each in due if each.plan and not each.plan.rules)
    asked = [(each.container.cgroup, known) for each in plain if (known := each.verified_pids())]
    if len(asked) <= 1:
        return {}  # nothing to be saved
    try:
        return await worker.run(ALL, partial(unchanged, places.cgroups, asked))
    except StuckError:
        return {}  # each is tried alone
