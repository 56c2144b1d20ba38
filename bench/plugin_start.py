"""How soon `kubectl oom` answers: a whole process each time, beside Python itself.

Needs no cluster: the API server is one on loopback that answers at once.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.figures import spread, table
from tests.support.fake_cluster import FakeCluster
from tests.support.kill_objects import oomkill

ROOT = Path(__file__).resolve().parent.parent
RUNS = 20
_PROGRAM = "from oomwarden.cli.start import main; main()"
_COMMANDS = {
    "kubectl oom --help": ["--help"],
    "kubectl oom kills": ["kills"],
    "kubectl oom why": ["why", "api-1"],
}


def main() -> None:
    """Print the p50 of each command, and how many times longer than `python -c pass` it takes."""
    cluster = FakeCluster()
    cluster.add(*(oomkill(f"api-1-{number}") for number in range(20)))
    with tempfile.TemporaryDirectory() as folder, cluster.serve(Path(folder)) as kubeconfig:
        environment = {
            **os.environ,
            "KUBECONFIG": kubeconfig,
            "PYTHONPATH": str(ROOT / "operator"),
        }
        runs = {"python -c pass": ["-c", "pass"]} | {
            name: ["-c", _PROGRAM, *arguments] for name, arguments in _COMMANDS.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(RUNS):  # in turn, so that the noise of the machine is the same for all
            for name, arguments in runs.items():
                seconds[name].append(_seconds(arguments, environment))
    base = median(seconds["python -c pass"])
    rows = [
        (name, f"{spread(found, 3)}  x{median(found) / base:.1f}")
        for name, found in seconds.items()
    ]
    table(f"Start of kubectl oom, seconds, {RUNS} runs", rows)


def _seconds(arguments: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - begin
