"""A storm of 200 group kills on a real kernel without Kubernetes: the ledger, and log lines."""

import json
from pathlib import Path
from typing import Any

from bench.recall.judge import Report, Score, judge
from bench.recall.session import LINES, METRIC, OURS, STATUS
from bench.recall.table import Result
from bench.recall.truth import Kill, Place
from e2e.lab.kernel_vm import run_in_vm

VM = Path(__file__).resolve().parents[2] / "tests" / "kernel_vm" / "vm"
CHECK = "storm_of_groups_that_are_removed"
SECONDS = 240.0


def storm() -> Result:
    """Kill 200 groups in 200 cgroups, which are removed immediately, and score what was reported.

    Raises:
        RuntimeError: The check in the virtual machine failed; has its error.
        LabError: The virtual machine could not be built, or returned nothing.
    """
    files = {path.name: path.read_text() for path in VM.glob("*.py")}
    files["checks.json"] = json.dumps([f"checks_storms:{CHECK}"])
    done = run_in_vm(files.pop("driver.py"), files, SECONDS)
    (line, *_) = done.stdout.splitlines() or [json.dumps({"error": done.console})]
    result = json.loads(line)
    if "error" in result:
        raise RuntimeError(str(result["error"]))
    return score(result["facts"])


def score(facts: dict[str, Any]) -> Result:
    """Score the result of the check: records by container ID, log lines by their number.

    Each cgroup had one process, so the kernel counts one or two in oom_kill for each: it may count
    a group's first victim twice (Linux mm/oom_kill.c, oom_kill_process). The attribution of the
    lines is not scored, because their number is already too small.
    """
    containers = sorted({identifier for _pod, _name, identifier in facts["owner"].values()})
    truth = [Kill(Place("", container), None) for container in containers]
    records = facts["report"]["log"]["records"]
    reports = [Report("", record["id"], 0.0, record["kills"]) for record in records]
    lines, counted = facts["lines"]["oom-kill"], facts["report"]["kernel"]
    remarks = [f"kernel: oom_kill +{counted} for {len(truth)} cgroups, all removed immediately"]
    if not len(truth) <= counted <= 2 * len(truth):
        remarks.append("the kernel's count does not match the number of killed cgroups")
    found = min(lines, len(truth))
    return Result(
        {
            OURS: judge(truth, reports),
            LINES: Score(len(truth), found, 0, lines - found),
            STATUS: None,
            METRIC: None,
        },
        remarks,
    )
