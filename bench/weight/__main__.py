"""`make bench-weight`: what an agent weighs, beside a synthetic node and an API server.

Memory by module, CPU time and system calls by loop, and how soon kills arrive; without a cluster.
Agents of other revisions and interpreters are measured at the same time, under the same load.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.weight import peers, phases, table
from bench.weight.agent import running, wait_until_enforced
from bench.weight.install import ROOT, Installed, cache, installed, tree_at
from bench.weight.loops import memory_by_module

SETTLE_SECONDS = 33.0
"""Containers without a name, which pause containers are, are looked at again for 30 s."""
PARTS = ("quiet", "kills", "loops", "wear")
IN_THREE_MINUTES = PARTS[:3]
_FAST = Path("/dev/shm")  # noqa: S108 - files in memory, as cgroupfs and procfs are
Sections = dict[str, dict[str, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the agents, print the tables, and write the JSON; return the exit code."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # agents end, too
    about = {"began": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "cores": str(os.cpu_count())}
    try:
        with ExitStack() as stack:
            agents = install_all(options, stack)
            built = peers.build_all(options.peers, cache("peers")) if options.peers else []
            results = asyncio.run(measure_all(agents, built, options.only))
    except (RuntimeError, TimeoutError) as error:
        sys.exit(f"bench-weight: {error}")
    shown = table.beside(options.compare or {}, results)
    print(table.render(shown, changes=not options.peers))
    options.json.write_text(table.to_json(results, about))
    print(f"\nresults: {options.json}")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: An argument is invalid; the message names it.
    """
    parser = argparse.ArgumentParser("bench-weight", description=__doc__)
    add = parser.add_argument
    add("--base", metavar="REVISION", help="measure the agent of this revision, too")
    add("--code", type=_tree, action="append", metavar="CHECKOUT",
        help="measure the agent of this checkout instead of this one; may be repeated")  # fmt: skip
    add("--python", action="append", metavar="PYTHON",
        help="the interpreter, such as python3.13; may be repeated")  # fmt: skip
    add("--only", type=_parts, default=IN_THREE_MINUTES, metavar="PART,PART",
        help=f"what to measure, of {', '.join(PARTS)}; default: all but wear")  # fmt: skip
    add("--peers", type=Path, metavar="DIRECTORY",
        help="build and measure the checkouts of other programs in it, too")  # fmt: skip
    add("--json", type=Path, default=Path("bench-weight.json"), metavar="FILE",
        help="where to write the results; default: %(default)s")  # fmt: skip
    add("--compare", type=_earlier, metavar="FILE", help="the JSON of an earlier run")
    return parser.parse_args(arguments)


def _tree(text: str) -> Path:
    path = Path(text).resolve()
    tree = path.parent if path.name == "operator" else path
    if not (tree / "operator" / "oomwarden").is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no checkout of oomwarden")
    return tree


def _parts(text: str) -> tuple[str, ...]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(PARTS)):
        what = f"unknown part {', '.join(unknown)}; use any of {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(what)
    return tuple(name for name in PARTS if name in names)


def _earlier(path: str) -> table.Results:
    try:
        return table.read(Path(path))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def install_all(options: argparse.Namespace, stack: ExitStack) -> list[Installed]:
    """Install each checkout's agent for each interpreter, until the stack is closed.

    Raises:
        RuntimeError: One of them cannot be installed; the message says why.
    """
    trees = {("this" if tree == ROOT else tree.name): tree for tree in options.code or [ROOT]}
    if options.base:
        trees = {options.base: stack.enter_context(tree_at(options.base)), **trees}
    pythons = options.python or [sys.executable]
    agents = []
    for name, tree in trees.items():
        for python in pythons:
            agent = stack.enter_context(installed(name, python, tree))
            agents.append(agent)
    return agents


def column(agent: Installed) -> str:
    """Return the name of an agent's column."""
    return f"{agent.name}, {agent.runtime.version}"


async def measure_all(
    agents: Sequence[Installed], built: Sequence[peers.Built], parts: Sequence[str]
) -> dict[str, Sections]:
    """Run all agents at the same time; only bursts of kills have the machine for themselves.

    Raises:
        RuntimeError: An agent does not start; the message has the end of its log.
    """
    place = _FAST if os.access(_FAST, os.W_OK) else None
    turn = asyncio.Lock()
    with tempfile.TemporaryDirectory(dir=place, prefix="oomwarden-weight-") as directory:
        places = [Path(directory, str(number)) for number, _ in enumerate(agents)]
        runs = [_measure(each, at, turn, parts) for each, at in zip(agents, places, strict=True)]
        runs += [peers.measure(each, Path(directory, each.name)) for each in built]
        found = await asyncio.gather(*runs)
    names = [*map(column, agents), *(each.name for each in built)]
    return dict(zip(names, found, strict=True))


async def _measure(
    what: Installed, directory: Path, turn: asyncio.Lock, parts: Sequence[str]
) -> Sections:
    """Measure one agent; a second one of the same code tells what it does inside."""
    plain = _measure_plain(what, directory.with_suffix(".plain"), turn, parts)
    if "loops" not in parts:
        return await plain
    inside = _measure_inside(what, directory.with_suffix(".probe"))
    found = await asyncio.gather(plain, inside)
    return {**found[0], **found[1]}


async def _measure_plain(
    what: Installed, directory: Path, turn: asyncio.Lock, parts: Sequence[str]
) -> Sections:
    async with running(what, directory) as agent:
        await wait_until_enforced(agent)
        await asyncio.sleep(SETTLE_SECONDS)
        found: Sections = {}
        if "quiet" in parts:
            found["quiet"] = await phases.quiet(agent)
        if "kills" in parts:
            found["kills and churn"] = await phases.eventful(agent)
            async with turn:
                found["bursts of kills"] = await phases.bursts(agent)
        if "wear" in parts:
            found["after 1,000 kills and new pods"] = await phases.worn(agent)
        return found


async def _measure_inside(what: Installed, directory: Path) -> Sections:
    report = directory.with_suffix(".json")
    async with running(what, directory, report=str(report)) as agent:
        await wait_until_enforced(agent)
        await asyncio.sleep(SETTLE_SECONDS)
        last, figures = await phases.by_loop(agent, report)
        return {"memory by module, MiB": memory_by_module(last), **figures}


if __name__ == "__main__":
    sys.exit(main())
