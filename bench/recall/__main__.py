"""`make bench-recall`: recall, wrong attributions, duplicates and latency, in one run.

Scenarios: quiet, burst, never, child, init, exec, instant, node, down (on a cluster), kernel (in a
virtual machine without Kubernetes).
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
from bench.recall.session import OURS, STATUS, ScenarioRun, Session, start_reporters, stop_reporters
from bench.recall.table import Figures, Result, Results
from e2e.lab.errors import LabError

KERNEL, NODE = "kernel", "node"
ALL = (*ON_CLUSTER, KERNEL)
FAILURES = (AssertionError, RuntimeError, ValueError, LabError, client.ApiException, HTTPError)
"""Failures of one scenario: the table shows them, and the other scenarios still run."""
_HARMFUL = (
    "skipped: it takes all memory of a node of the cluster that KUBECONFIG names; "
    "use --only node to run it"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios, print the table, and write the JSON; return the exit code."""
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
            results |= {
                name: Result(failed=one_line(error)) for name in names if name not in results
            }
    if KERNEL in (options.only or ALL):
        results[KERNEL] = in_vm()
    print(table.render(results, cost))
    options.json.write_text(json.dumps(table.to_json(results, cost, about), indent=1) + "\n")
    print(f"results: {options.json}")
    if options.compare:
        print(table.compare(options.compare, (results, cost)))
    return int(any(result.failed for result in results.values()))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: An argument is invalid; the message names it.
    """
    parser = argparse.ArgumentParser("bench-recall", description=__doc__)
    parser.add_argument(
        "--only", type=_scenarios, metavar="NAME,NAME", help="the scenarios to run; default: all"
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("bench-recall.json"),
        metavar="FILE",
        help="where to write the results; default: %(default)s",
    )
    parser.add_argument(
        "--compare", type=_earlier, metavar="FILE", help="the JSON of an earlier run"
    )
    return parser.parse_args(arguments)


def _scenarios(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - set(ALL)):
        raise argparse.ArgumentTypeError(
            f"unknown scenario {', '.join(unknown)}; use any of {', '.join(ALL)}"
        )
    return tuple(name for name in ALL if name in names)


def _earlier(path: str) -> tuple[Results, Figures]:
    try:
        return table.from_json(json.loads(Path(path).read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(
            f"{path} is not a result of this benchmark: {error}"
        ) from error


def on_cluster(
    names: Sequence[str], results: Results, cost: Figures, about: dict[str, str]
) -> None:
    """Run the scenarios one after another, and judge all of them at the end."""
    world = prepare()
    node = observer.start(world)
    described = world.core.read_node(node).status.node_info
    about |= {"kernel": described.kernel_version, "kubelet": described.kubelet_version}
    failed: dict[str, str] = {}
    with observer.Shell(world.cluster) as shell:
        session, meter = start_reporters(world, shell, node), Meter(shell)
        for name in names:
            progress(name)
            failed[name] = run_scenario(session, meter, name)
        stop_reporters(session)
    results |= {
        scenario.name: judge_scenario(session, scenario, failed[scenario.name])
        for scenario in session.runs
    }
    results |= {
        name: Result(failed=reason) for name, reason in failed.items() if name not in results
    }
    cost |= meter.figures()


def run_scenario(session: Session, meter: Meter, name: str) -> str:
    """Run one scenario; return why it failed, or an empty string."""
    failed = ""
    try:
        meter.begin()
        session.begin(name)
    except FAILURES as error:
        return one_line(error)
    try:
        ON_CLUSTER[name](session)
    except FAILURES as error:
        failed = one_line(error)
    try:
        session.wait_for_reports()
        left_out = meter.end(len(session.kills_so_far()))
        session.current.remarks += [left_out] if left_out else []
        session.end()
    except FAILURES as error:
        failed = failed or one_line(error)
    return failed


def one_line(error: BaseException) -> str:
    """Format an error as one line."""
    reason = getattr(error, "reason", None)
    text = " ".join(str(reason or error).split())
    return text or type(error).__name__


def judge_scenario(session: Session, scenario: ScenarioRun, failed: str) -> Result:
    """Score the reporters on a scenario, with remarks for what has no column in the table."""
    scores = session.scores(scenario)
    rise = scenario.now.since(scenario.before).total
    causes = ", ".join(
        f"{cause} {number}" for cause, number in sorted(session.causes(scenario).items())
    )
    right, dead = session.last_reasons(scenario)
    counted = f"kernel: oom_kill +{rise.kills}, oom_group_kill +{rise.groups}"
    remarks = [
        f"{counted}; causes by {OURS}: {causes or 'none'}",
        f"{STATUS}, last reason: OOMKilled for {right} of {dead} containers",
        *session.truth(scenario)[1],
        *scenario.remarks,
    ]
    return Result(scores, remarks, failed)


def in_vm() -> Result:
    """Run the storm in a virtual machine without Kubernetes."""
    progress(KERNEL)
    try:
        return kernel.storm()
    except FAILURES as error:
        return Result(failed=one_line(error))


def progress(name: str) -> None:
    """Print which scenario starts."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}\n")


if __name__ == "__main__":
    sys.exit(main())
