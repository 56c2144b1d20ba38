"""Runs the checks of some modules one after another, and prints the facts of each as a JSON line.

`checks.json` names the modules, or single checks as `module:name`. A check is a function
`check_<name>(hogs)`; the tests outside assert on the facts that it returns.
"""

import importlib
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from node import Hogs

CHECK_SECONDS = 240


def too_long(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TimeoutError(f"the check took longer than {CHECK_SECONDS} s")


def run(name: str, check: Callable[[Hogs], Any], hogs: Hogs) -> dict[str, Any]:
    started = time.monotonic()
    signal.alarm(CHECK_SECONDS)
    try:
        outcome = {"facts": check(hogs)}
    except Exception:  # noqa: BLE001 - the test gets it; the other checks go on
        outcome = {"error": traceback.format_exc()}
    finally:
        signal.alarm(0)
    return {"name": name, "seconds": round(time.monotonic() - started, 1), **outcome}


def main() -> None:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    signal.signal(signal.SIGALRM, too_long)
    hogs = Hogs()
    for wanted in json.loads(Path("checks.json").read_text()):
        module, _, only = wanted.partition(":")
        found = vars(importlib.import_module(module))
        for name, check in found.items():
            if name.startswith("check_") and only in {"", name.removeprefix("check_")}:
                result = run(name.removeprefix("check_"), check, hogs)
                sys.stdout.write(json.dumps(result) + "\n")
                sys.stdout.flush()
                sys.stderr.write(f"{name} took {result['seconds']} s\n")


if __name__ == "__main__":
    main()
