"""`make soak`: one agent lives through thousands of pods and kills; prints what it holds.

A number beside a path is how many items more a collection has than after the first thousand pods.
"""

import logging
import resource
import sys
import tempfile
from pathlib import Path

from tests.support import virtual_time
from tests.support.churn import churn, missing, rest
from tests.support.churned_node import churned_node
from tests.support.held_memory import growth
from tests.support.virtual_time import VirtualLoop

STEP = 1000
MARGIN = 12


def _resident_mib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


async def soak(loop: VirtualLoop, pods: int) -> int:
    """Return how many collections grew, and how many pods have kills that are lost or doubled."""
    state = Path(tempfile.mkdtemp(prefix="soak"))
    async with churned_node(state, loop) as node:
        await churn(node, STEP)
        before = await rest(node)
        for done in range(2 * STEP, pods + 1, STEP):
            await churn(node, STEP)
            grown = growth(before, await rest(node), MARGIN)
            killed = sum(node.kernel.truth.values())
            rss = _resident_mib()
            text = f"{done} pods, {killed} kills: {rss} MiB, grown: {grown or 'nothing'}"
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        lost = await missing(node)
        sys.stdout.write(f"lost or doubled: {lost or 'nothing'}\n")
        return len(grown) + len(lost)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    sys.exit(bool(virtual_time.run(lambda loop: soak(loop, count))))
