"""Run make targets one after another, and print where the time went.

`python3 tools/phases.py check e2e` stops at the first target that fails. Its table has the seconds
of each phase, and of the ten slowest stories. It ends with the reasons of stories that failed,
which are far above by then. An interruption is passed on to the target, which
is waited for so that it can clean up.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TIMES = "OOMWARDEN_TIMES"
SLOWEST = 10
INTERRUPTED = 130


@dataclass(frozen=True)
class Phase:
    """A target that was run.

    Attributes:
        name: The make target.
        seconds: How long it took.
        code: Its exit code.
    """

    name: str
    seconds: float
    code: int


def run(target: str, times: Path) -> Phase:
    """Run a make target; stories write their durations to the file `times`."""
    began = time.monotonic()
    command = ("make", "--no-print-directory", target)
    # A separate process group, so that one signal reaches everything that the target starts.
    child = subprocess.Popen(command, env={**os.environ, TIMES: str(times)}, process_group=0)
    try:
        code = child.wait()
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGINT)
        child.wait()
        code = INTERRUPTED
    return Phase(target, time.monotonic() - began, code)


def run_all(targets: list[str], times: Path) -> list[Phase]:
    """Run targets until one fails."""
    done: list[Phase] = []
    for target in targets:
        done.append(run(target, times))
        if done[-1].code:
            break
    return done


def table(done: list[Phase], stories: list[dict[str, object]]) -> str:
    """Return the table of phases and of the slowest stories, and why stories failed."""
    lines = ["", "where the time went", f"{'phase':<14}{'seconds':>9}  result"]
    lines += [f"{one.name:<14}{one.seconds:>9.0f}  {result(one)}" for one in done]
    lines.append(f"{'all':<14}{sum(one.seconds for one in done):>9.0f}")
    if stories:
        lines += ["", f"{'slowest stories':<14}"]
        lines += [f"{one['seconds']:>9.0f} s  {one['name']}" for one in stories[:SLOWEST]]
    for one in stories:
        if isinstance(reasons := one.get("failed"), list):
            lines += ["", f"failed: {one['name']}", *(f"  {line}" for line in reasons)]
    return "\n".join(lines)


def result(phase: Phase) -> str:
    """Describe how a phase ended."""
    if phase.code == INTERRUPTED:
        return "interrupted"
    return f"failed (exit code {phase.code})" if phase.code else "passed"


def heed_interruptions() -> None:
    """Handle SIGINT and SIGTERM, here and in targets, even if the parent process ignores them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def main(targets: list[str]) -> int:
    """Run the targets; return the exit code of the one that failed, else 0."""
    heed_interruptions()
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as folder:
        times = Path(folder) / "times.json"
        done = run_all(targets, times)
        stories = json.loads(times.read_text(encoding="utf-8")) if times.exists() else []
    print(table(done, stories), flush=True)
    return done[-1].code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
