"""`make bench-recall`: recall, wrong attributions, duplicates and latency, in one run.

Scenarios: quiet, burst, never, child, init, exec, instant, node, down (on a cluster), kernel (in a
machine without Kubernetes).
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench import footprint, observer
from bench.__main__ import prepare
from bench.recall import kernel, table
from bench.recall.judge import Score
from bench.recall.scenarios import ON_CLUSTER
from bench.recall.stage import NAMES, Stage, follow, leave

KERNEL = "kernel"
ALL = (*ON_CLUSTER, KERNEL)
_MIB = 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the scenarios, print the table, write the JSON."""
    options = parse(arguments)
    results: table.Results = {}
    notes: dict[str, str] = {}
    cost: dict[str, float] = {}
    if set(options.only) & ON_CLUSTER.keys():
        cost = on_cluster([name for name in options.only if name != KERNEL], results, notes)
    if KERNEL in options.only:
        progress(KERNEL)
        results[KERNEL], notes[KERNEL] = kernel.storm()
    print(table.render(results, notes))
    for what, value in cost.items():
        print(f"{what}: {value:.1f}")
    options.json.write_text(json.dumps(table.to_json(results, notes, cost), indent=1) + "\n")
    print(f"written to {options.json}")
    if options.compare:
        print(table.compare(options.compare, results))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        SystemExit: with a sentence that names the argument.
    """
    parser = argparse.ArgumentParser("bench-recall", description=__doc__)
    parser.add_argument("--only", type=_scenarios, default=ALL, metavar="NAME,NAME")
    parser.add_argument("--json", type=Path, default=Path("bench-recall.json"), metavar="FILE")
    parser.add_argument("--compare", type=_earlier, metavar="FILE", help="an earlier run's JSON")
    return parser.parse_args(arguments)


def _scenarios(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - set(ALL)):
        raise argparse.ArgumentTypeError(
            f"no such scenario: {', '.join(unknown)}; there are: {', '.join(ALL)}"
        )
    return names


def _earlier(path: str) -> table.Results:
    try:
        return table.from_json(json.loads(Path(path).read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{path} is no run of this benchmark: {error}") from error


def on_cluster(
    names: Sequence[str], results: table.Results, notes: dict[str, str]
) -> dict[str, float]:
    """Play the scenarios one after another; gives what the agent took meanwhile."""
    world = prepare()
    node = observer.start(world)
    with observer.Shell(world.cluster) as shell:
        stage = follow(world, shell, node)
        kubelet = footprint.pid_of(shell, "/kubelet ")
        before = footprint.ticks(shell, kubelet)
        spent, killed = 0, 0
        for name in names:
            progress(name)
            ours = _ticks(shell)
            results[name], notes[name] = play(stage, name)
            spent += _ticks(shell) - ours if name != "down" else 0
            killed += next(iter(results[name].values())).true
        leave(stage)
        resident = footprint.resident(shell, footprint.pid_of(shell, "oomwarden-agent"))
        theirs = footprint.ticks(shell, kubelet) - before
    return {
        "kills": killed,
        "agent, resident MiB": resident / _MIB,
        "agent's CPU, % of the kubelet's": 100 * spent / theirs,
    }


def _ticks(shell: observer.Shell) -> int:
    return footprint.ticks(shell, footprint.pid_of(shell, "oomwarden-agent"))


def play(stage: Stage, name: str) -> tuple[dict[str, Score], str]:
    """Play one scenario and judge it; with what else is to be said."""
    stage.begin(name)
    try:
        ON_CLUSTER[name](stage)
        stage.settle()
        return stage.scores(), note(stage)
    finally:
        stage.end()


def note(stage: Stage) -> str:
    """Hold the truth against the kernel's counters, and say what the table has no column for."""
    kills, groups = (now - then for now, then in zip(stage.counted(), stage.before, strict=True))
    counted = sorted(Counter(stage.records.causes).items())
    causes = ", ".join(f"{cause} {number}" for cause, number in counted)
    truth = stage.truth()
    dead = {kill.place.container for kill in truth}
    last = sum(stage.statuses.last.get(container) == "OOMKilled" for container in dead)
    return (
        f"kernel: oom_kill +{kills}, oom_group_kill +{groups}; causes: {causes or 'none'}; "
        f"{NAMES[2]} at last: OOMKilled for {last} of {len(dead)} containers"
    )


def progress(name: str) -> None:
    """Say what is under way."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}\n")


if __name__ == "__main__":
    main()
