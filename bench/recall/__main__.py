"""`make bench-recall`: recall, wrong attributions, duplicates and latency, in one run.

Scenarios: quiet, burst, never, child, init, exec, instant, node, down (on a cluster), kernel (in a
machine without Kubernetes).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kubernetes import client
from urllib3.exceptions import HTTPError

from bench import observer
from bench.__main__ import prepare
from bench.recall import kernel, table
from bench.recall.cost import Meter
from bench.recall.scenarios import ON_CLUSTER
from bench.recall.stage import OURS, STATUS, Act, Stage, follow, leave
from bench.recall.table import Figures, Result, Results
from e2e.lab.errors import LabError

KERNEL, NODE = "kernel", "node"
ALL = (*ON_CLUSTER, KERNEL)
FAILURES = (AssertionError, RuntimeError, ValueError, LabError, client.ApiException, HTTPError)
"""What can keep a scenario from being played; the others go on, and the table says why."""
_HARMFUL = (
    "it takes all memory of a node of the cluster that KUBECONFIG names; "
    "name it with --only if that is meant"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios, print the table, write the JSON; gives the exit code."""
    options = parse(arguments)
    results: Results = {}
    cost: Figures = {}
    about = {"began": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    names = [name for name in options.only or ALL if name != KERNEL]
    if NODE in names and not options.only and os.environ.get("KUBECONFIG"):
        names.remove(NODE)
        results[NODE] = Result(failed=_HARMFUL)
    if names:
        try:
            on_cluster(names, results, cost, about)
        except FAILURES as error:
            results |= {name: Result(failed=why(error)) for name in names if name not in results}
    if KERNEL in (options.only or ALL):
        results[KERNEL] = in_machine()
    print(table.render(results, cost))
    options.json.write_text(json.dumps(table.to_json(results, cost, about), indent=1) + "\n")
    print(f"written to {options.json}")
    if options.compare:
        print(table.compare(options.compare, (results, cost)))
    return int(any(result.failed for result in results.values()))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        SystemExit: with a sentence that names the argument.
    """
    parser = argparse.ArgumentParser("bench-recall", description=__doc__)
    parser.add_argument("--only", type=_scenarios, metavar="NAME,NAME")
    parser.add_argument("--json", type=Path, default=Path("bench-recall.json"), metavar="FILE")
    parser.add_argument("--compare", type=_earlier, metavar="FILE", help="an earlier run's JSON")
    return parser.parse_args(arguments)


def _scenarios(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - set(ALL)):
        raise argparse.ArgumentTypeError(
            f"no such scenario: {', '.join(unknown)}; there are: {', '.join(ALL)}"
        )
    return tuple(name for name in ALL if name in names)


def _earlier(path: str) -> tuple[Results, Figures]:
    try:
        return table.from_json(json.loads(Path(path).read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"{path} is no run of this benchmark: {error}") from error


def on_cluster(
    names: Sequence[str], results: Results, cost: Figures, about: dict[str, str]
) -> None:
    """Play the scenarios one after another, and judge them all at the end."""
    world = prepare()
    node = observer.start(world)
    described = world.core.read_node(node).status.node_info
    about |= {"kernel": described.kernel_version, "kubelet": described.kubelet_version}
    failed: dict[str, str] = {}
    with observer.Shell(world.cluster) as shell:
        stage, meter = follow(world, shell, node), Meter(shell)
        for name in names:
            progress(name)
            failed[name] = play(stage, meter, name)
        leave(stage)
    results |= {act.name: judged(stage, act, failed[act.name]) for act in stage.acts}
    results |= {
        name: Result(failed=reason) for name, reason in failed.items() if name not in results
    }
    cost |= meter.figures()


def play(stage: Stage, meter: Meter, name: str) -> str:
    """Play one scenario to its end; gives why that could not be."""
    failed = ""
    try:
        meter.begin()
        stage.begin(name)
    except FAILURES as error:
        return why(error)
    try:
        ON_CLUSTER[name](stage)
    except FAILURES as error:
        failed = why(error)
    try:
        stage.settle()
        left_out = meter.end(len(stage.look()))
        stage.act.remarks += [left_out] if left_out else []
        stage.end()
    except FAILURES as error:
        failed = failed or why(error)
    return failed


def why(error: BaseException) -> str:
    """Tell an error in one line."""
    reason = getattr(error, "reason", None)
    text = " ".join(str(reason or error).split())
    return text or type(error).__name__


def judged(stage: Stage, act: Act, failed: str) -> Result:
    """Hold everybody against the truth, and say what the table has no column for."""
    scores = stage.scores(act)
    rise = act.now.since(act.before).total
    causes = ", ".join(f"{cause} {number}" for cause, number in sorted(stage.causes(act).items()))
    right, dead = stage.last_words(act)
    kernel_says = f"kernel: oom_kill +{rise.kills}, oom_group_kill +{rise.groups}"
    remarks = [
        f"{kernel_says}; {OURS} gives as causes: {causes or 'none'}",
        f"{STATUS}, its last word: OOMKilled for {right} of {dead} containers",
        *stage.truth(act)[1],
        *act.remarks,
    ]
    return Result(scores, remarks, failed)


def in_machine() -> Result:
    """Play the storm without Kubernetes."""
    progress(KERNEL)
    try:
        return kernel.storm()
    except FAILURES as error:
        return Result(failed=why(error))


def progress(name: str) -> None:
    """Say what is under way."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}\n")


if __name__ == "__main__":
    sys.exit(main())
