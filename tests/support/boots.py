"""Boots of real kernels, one on each processor; each boot runs all checks of its modules.

So each check can have a sentence of its own without a machine of its own.
"""

import json
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from e2e.lab import kernel, kernel_vm, newer_kernel, preflight
from e2e.lab.errors import LabError
from e2e.lab.kernel import Kernel
from e2e.lab.progress import say

Facts = dict[str, Any]
VM = Path(__file__).parents[1] / "kernel_vm/vm"
CHECKS = {
    "storms": ("checks_storms", "checks_traps"),
    "levels": (
        "checks_selftests",
        "checks_causes",
        "checks_layouts",
        "checks_scores",
        "checks_blind",
    ),
}
"""What each boot runs; the longest first, so that the last ones end together."""
SECONDS = 900.0


@cache
def kernels() -> dict[str, Kernel]:
    """The kernels by their first two numbers, e.g. `6.1`."""
    preflight.check_machine()
    preflight.install_packages()
    own = kernel.build()
    found: dict[str, Kernel] = {own.series: own}
    try:
        newer = newer_kernel.build()
    except LabError as problem:
        say(f"The checks run on Linux {own.series} alone: {problem}")
    else:
        found[newer.series] = newer
    return found


class Boots:
    """Boots that are wanted, by kernel and name, under way or done."""

    def __init__(self, wanted: Iterable[tuple[str, str]]) -> None:
        self._free: SimpleQueue[int | None] = SimpleQueue()
        processors = kernel_vm.side_by_side()
        for processor in processors:
            self._free.put(processor)
        self._pool = ThreadPoolExecutor(len(processors))
        order = sorted(wanted, key=lambda one: list(CHECKS).index(one[1]))
        self._started = {one: self._pool.submit(self._boot, *one) for one in order}

    def facts(self, series: str, name: str) -> dict[str, Facts]:
        """What the checks of a boot saw, by their names; waits for its end."""
        boot: Future[dict[str, Facts]] = self._started[series, name]
        return boot.result()

    def end(self) -> None:
        """End what still runs: after an interruption nobody wants its answer."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        kernel_vm.end_all()

    def _boot(self, series: str, name: str) -> dict[str, Facts]:
        processor = self._free.get()
        began = time.monotonic()
        try:
            return _run(kernels()[series], name, processor)
        finally:
            self._free.put(processor)
            say(f"{name} on Linux {series}: {time.monotonic() - began:.0f} s")


def _run(linux: Kernel, name: str, processor: int | None) -> dict[str, Facts]:
    files = {path.name: path.read_text() for path in VM.glob("*.py")}
    files["checks.json"] = json.dumps(CHECKS[name])
    done = kernel_vm.run_in_vm(files.pop("driver.py"), files, SECONDS, linux, processor)
    assert done.exit_code == 0, done.console
    results = map(json.loads, done.stdout.splitlines())
    return {result["name"]: result for result in results}
