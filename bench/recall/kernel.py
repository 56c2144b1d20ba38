"""200 cgroups at once, on a real kernel without Kubernetes: the books, and the log's lines."""

import json
from pathlib import Path
from typing import Any

from bench.recall.judge import Report, Score, judge
from bench.recall.stage import NAMES
from bench.recall.truth import Kill, Place
from e2e.lab.kernel_vm import run_in_vm

VM = Path(__file__).resolve().parents[2] / "tests" / "kernel_vm" / "vm"
CHECK = "storm_of_groups_that_are_removed"
SECONDS = 180.0


def storm() -> tuple[dict[str, Score], str]:
    """Let 200 groups in as many cgroups be killed, each cgroup gone at once; and what was seen.

    Raises:
        RuntimeError: the machine, or the check in it, failed; tells how.
    """
    files = {path.name: path.read_text() for path in VM.glob("*.py")}
    files["checks.json"] = json.dumps([f"checks_storms:{CHECK}"])
    done = run_in_vm(files.pop("driver.py"), files, SECONDS)
    (line, *_) = done.stdout.splitlines() or [json.dumps({"error": done.console})]
    result = json.loads(line)
    if "error" in result:
        raise RuntimeError(str(result["error"]))
    return score(result["facts"]), f"kernel: {result['facts']['report']['kernel']} in oom_kill"


def score(facts: dict[str, Any]) -> dict[str, Score]:
    """Judge what the check saw: records by container id, lines by their number."""
    containers = sorted(set(facts["owner"].values()))
    truth = [Kill(Place("", container), 0.0) for container in containers]
    records = facts["report"]["log"]["records"]
    told = [Report("", record["id"], 0.0, record["kills"]) for record in records]
    ours = judge(truth, told)
    lines = facts["lines"]["oom-kill"]
    return {
        NAMES[0]: Score(ours.true, ours.found, ours.wrong, ours.twice),
        NAMES[1]: Score(len(truth), min(lines, len(truth)), 0, 0),
    }
