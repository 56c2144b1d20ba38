"""`make fuzz MINUTES=10`: all targets in turn, with new seeds, until the time is over.

A failure is printed with the example, shortened as far as it goes, and with the command that tries
that target and seed again. Examples that failed are kept in `build/fuzz`, and tried first.
"""

import argparse
import logging
import random
import sys
import time
from collections.abc import Sequence

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.fuzz.targets import TARGETS, Target

KEPT = "build/fuzz"
AT_A_TIME = 300
"""Examples of a target before it is the next one's turn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz for so many minutes; 1: something does not hold."""
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
            if not _holds(target, options.seed + turns):
                failed.add(target.name)
            if turns and time.monotonic() >= end:
                break
        turns += 1
    print(f"{turns} turns of {AT_A_TIME} examples; failed: {', '.join(sorted(failed)) or 'none'}")
    return 1 if failed else 0


def _holds(target: Target, number: int) -> bool:
    bounds = settings(
        max_examples=AT_A_TIME,
        deadline=None,
        database=DirectoryBasedExampleDatabase(KEPT),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        report_multiple_bugs=False,
    )
    try:
        seed(number)(bounds(given(target.given)(target.check)))()
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        notes = "\n".join(getattr(error, "__notes__", ()))
        print(f"{target.name} does not hold: {type(error).__name__}: {error}\n{notes}")
        print(
            f"again: make fuzz ARGS='--target {target.name} --seed {number} --minutes 0'",
            flush=True,
        )
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
