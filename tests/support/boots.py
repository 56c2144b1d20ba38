"""Boots real kernels, one per processor; each boot runs all checks of its modules.

So each check can have its own test without its own machine.
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
from e2e.lab.kernel import KernelFiles
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
"""What each boot runs; the longest first, so that the last ones finish together."""
SECONDS = 900.0


@cache
def kernels() -> dict[str, KernelFiles]:
    """Return the kernels by series, e.g. `6.1`."""
    preflight.check_machine()
    preflight.install_packages()
    own = kernel.build()
    found: dict[str, KernelFiles] = {own.series: own}
    try:
        newer = newer_kernel.build()
    except LabError as problem:
        say(f"The checks run only on Linux {own.series}: {problem}")
    else:
        found[newer.series] = newer
    return found


class Boots:
    """The requested boots by kernel and name, running or done."""

    def __init__(self, wanted: Iterable[tuple[str, str]]) -> None:
        self._free: SimpleQueue[int | None] = SimpleQueue()
        processors = kernel_vm.available_processors()
        for processor in processors:
            self._free.put(processor)
        self._pool = ThreadPoolExecutor(len(processors))
        order = sorted(wanted, key=lambda one: list(CHECKS).index(one[1]))
        self._started = {one: self._pool.submit(self._boot, *one) for one in order}

    def facts(self, series: str, name: str) -> dict[str, Facts]:
        """Wait for a boot, and return the facts of its checks by name."""
        boot: Future[dict[str, Facts]] = self._started[series, name]
        return boot.result()

    def end(self) -> None:
        """Stop the boots that still run, e.g. after an interruption."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        kernel_vm.kill_all()

    def _boot(self, series: str, name: str) -> dict[str, Facts]:
        processor = self._free.get()
        started = time.monotonic()
        try:
            return _run(kernels()[series], name, processor)
        finally:
            self._free.put(processor)
            say(f"{name} on Linux {series}: {time.monotonic() - started:.0f} s")


def _run(linux: KernelFiles, name: str, processor: int | None) -> dict[str, Facts]:
    files = {path.name: path.read_text() for path in VM.glob("*.py")}
    files["checks.json"] = json.dumps(CHECKS[name])
    done = kernel_vm.run_in_vm(files.pop("driver.py"), files, SECONDS, linux, processor)
    assert done.exit_code == 0, done.console
    results = map(json.loads, done.stdout.splitlines())
    return {result["name"]: result for result in results}
