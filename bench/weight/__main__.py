"""`make bench-weight`: what an agent weighs, beside a synthetic node and an API server."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.figures import table
from bench.weight import readings
from bench.weight.agent import Agent, running, wait_until_enforced
from bench.weight.install import ROOT, Installed, installed, tree_at

SETTLE_SECONDS, QUIET_SECONDS = 20.0, 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the agents, and print what they weigh."""
    options = parse(arguments)
    with ExitStack() as stack:
        agents = [
            stack.enter_context(installed(str(tree), sys.executable, tree)) for tree in options.code
        ]
        if options.base:
            tree = stack.enter_context(tree_at(options.base))
            agents.insert(0, stack.enter_context(installed(options.base, sys.executable, tree)))
        for each, found in zip(agents, asyncio.run(measure_all(agents)), strict=True):
            rows = [(name, f"{value:.1f}") for name, value in found.items()]
            table(f"{each.name}, Python {each.runtime.version}", rows)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("bench-weight", description=__doc__)
    parser.add_argument("--base", metavar="REVISION", help="measure this revision's agent beside")
    parser.add_argument(
        "--code", type=Path, nargs="+", default=[ROOT], metavar="CHECKOUT", help="checkouts"
    )
    return parser.parse_args(arguments)


async def measure_all(agents: Sequence[Installed]) -> list[dict[str, float]]:
    """Run all agents at the same time, so that load is the same for each."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="oomwarden-weight-") as directory:  # noqa: S108
        runs = [measure(each, Path(directory, str(n))) for n, each in enumerate(agents)]
        return await asyncio.gather(*runs)


async def measure(what: Installed, directory: Path) -> dict[str, float]:
    """Run one agent."""
    async with running(what, directory) as agent:
        await wait_until_enforced(agent)
        await asyncio.sleep(SETTLE_SECONDS)
        return await quiet(agent)


async def quiet(agent: Agent) -> dict[str, float]:
    """Return what an agent uses while nothing happens."""
    before = readings.cpu(agent.pid)
    await asyncio.sleep(QUIET_SECONDS)
    used = readings.since(before, readings.cpu(agent.pid))
    return {
        **readings.memory(agent.pid),
        "CPU, ms a minute": used.milliseconds * 60 / QUIET_SECONDS,
        "wake-ups a second": used.switches / QUIET_SECONDS,
    }


if __name__ == "__main__":
    sys.exit(main())
