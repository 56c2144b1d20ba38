"""`make fuzz MINUTES=10`: run all targets in turn, with new seeds, until the time is up.

A failure is printed with the minimised example and with the command that reproduces it. Examples
that failed are saved in `build/fuzz` and tried first.
"""

import argparse
import logging
import random
import sys
import time
from collections.abc import Sequence

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.fuzz.targets import TARGETS, FuzzTarget

DATABASE = "build/fuzz"
EXAMPLES_PER_TURN = 300
"""Examples of a target per turn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz for some minutes, and return the exit code: 1 if a target failed."""
    names = [target.name for target in TARGETS]
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--target", choices=names)
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    chosen = [each for each in TARGETS if options.target in {None, each.name}]
    print(f"seed {options.seed}; {', '.join(each.name for each in chosen)}", flush=True)
    end = time.monotonic() + options.minutes * 60
    turns, failed = 0, set[str]()
    while turns == 0 or (time.monotonic() < end and len(failed) < len(chosen)):
        for target in (each for each in chosen if each.name not in failed):
            if not _passes(target, options.seed + turns):
                failed.add(target.name)
            if turns and time.monotonic() >= end:
                break
        turns += 1
    failures = ", ".join(sorted(failed)) or "none"
    print(f"{turns} turns of {EXAMPLES_PER_TURN} examples; failed: {failures}")
    return 1 if failed else 0


def _passes(target: FuzzTarget, number: int) -> bool:
    bounds = settings(
        max_examples=EXAMPLES_PER_TURN,
        deadline=None,
        database=DirectoryBasedExampleDatabase(DATABASE),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        report_multiple_bugs=False,
    )
    try:
        seed(number)(bounds(given(target.examples)(target.check)))()
    except Exception as error:  # noqa: BLE001 - any exception is a finding
        notes = "\n".join(getattr(error, "__notes__", ()))
        print(f"{target.name} failed: {type(error).__name__}: {error}\n{notes}")
        print(
            f"to reproduce: make fuzz ARGS='--target {target.name} --seed {number} --minutes 0'",
            flush=True,
        )
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
