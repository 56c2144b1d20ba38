"""200 cgroups at once, on a real kernel without Kubernetes: the books, and the log's lines."""

import json
from pathlib import Path
from typing import Any

from bench.recall.judge import Report, Score, judge
from bench.recall.stage import LINES, METRIC, OURS, STATUS
from bench.recall.table import Result
from bench.recall.truth import Kill, Place
from e2e.lab.kernel_vm import run_in_vm

VM = Path(__file__).resolve().parents[2] / "tests" / "kernel_vm" / "vm"
CHECK = "storm_of_groups_that_are_removed"
SECONDS = 240.0


def storm() -> Result:
    """Let 200 groups in as many cgroups be killed, each cgroup gone at once; and what was seen.

    Raises:
        RuntimeError: the check in the machine failed; tells how.
        LabError: the machine could not be made, or gave no answer.
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
    """Judge what the check saw: records by container id, lines by their number.

    One process in each cgroup was killed with its group, so the kernel's oom_kill is between one
    and two a cgroup: it may count a group's first victim twice (Linux mm/oom_kill.c,
    oom_kill_process). Places of the lines are not judged: their number is too small already.
    """
    containers = sorted({identifier for _pod, _name, identifier in facts["owner"].values()})
    truth = [Kill(Place("", container), None) for container in containers]
    records = facts["report"]["log"]["records"]
    told = [Report("", record["id"], 0.0, record["kills"]) for record in records]
    lines, counted = facts["lines"]["oom-kill"], facts["report"]["kernel"]
    remarks = [f"kernel: oom_kill +{counted} for {len(truth)} cgroups, all removed at once"]
    if not len(truth) <= counted <= 2 * len(truth):
        remarks.append("the kernel's count does not fit the number of cgroups that were killed")
    found = min(lines, len(truth))
    return Result(
        {
            OURS: judge(truth, told),
            LINES: Score(len(truth), found, 0, lines - found),
            STATUS: None,
            METRIC: None,
        },
        remarks,
    )
