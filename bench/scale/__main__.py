"""`make bench-scale`: what thousands of nodes cost, against a real API server without any node.

Scenarios: start, heartbeats, counts, one-policy, all-policies, resizes, churn, kills, agents.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.scale import table
from bench.scale.agents.scenarios import agents
from bench.scale.api import Api, RefusedError
from bench.scale.control_plane import control_plane
from bench.scale.operator import OPERATOR
from bench.scale.operator_scenarios import OF_THE_OPERATOR
from bench.scale.session import Figures, Session, one_line, progress
from bench.scale.table import Results
from e2e.lab.errors import LabError


def _agents(session: Session) -> Figures:
    return agents(session.nodes)


SCENARIOS = {**OF_THE_OPERATOR, "agents": _agents}
"""By name, in the order in which they run. Each gets the session and returns its figures."""
FAILURES = (AssertionError, KeyError, OSError, RefusedError, RuntimeError)
"""Failures of one scenario: the table shows them, and the other scenarios still run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios, print the table, and write the JSON; return the exit code."""
    options = parse(arguments)
    results: Results = {}
    about = {"began": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "nodes": options.nodes}
    try:
        with control_plane() as plane:
            session = Session(plane, Api(plane), options.nodes, options.operator.resolve())
            try:
                _run(session, options.only or tuple(SCENARIOS), results)
            finally:
                session.end_operator()
                session.api.close()
    except LabError as error:
        sys.exit(str(error))
    print(table.render(results))
    if options.json:
        options.json.write_text(json.dumps(table.to_json(results, about), indent=1) + "\n")
    if options.compare:
        print(table.compare(options.compare, results))
    return int(any(isinstance(each, str) for each in results.values()))


def _run(session: Session, names: Sequence[str], results: Results) -> None:
    session.prepare()
    for name in names:
        progress(name)
        try:
            results[name] = SCENARIOS[name](session)
        except FAILURES as error:
            results[name] = one_line(error)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        SystemExit: An argument is invalid; the message names it.
    """
    parser = argparse.ArgumentParser("bench-scale", description=__doc__)
    parser.add_argument(
        "--nodes", type=_count, default=2000, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--only", type=_scenarios, metavar="NAME,NAME", help="the scenarios to run; default: all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the results")
    parser.add_argument(
        "--compare", type=_earlier, metavar="OLD.json", help="the JSON of an earlier run"
    )
    parser.add_argument(
        "--operator", type=_package, default=OPERATOR, metavar="FOLDER",
        help="the folder that has the package oomwarden, for example of an earlier commit",
    )  # fmt: skip
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdigit() or not 10 <= int(text) <= 10_000:  # noqa: PLR2004 - named below
        raise argparse.ArgumentTypeError(f"{text} is not a number between 10 and 10000")
    return int(text)


def _scenarios(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - set(SCENARIOS)):
        raise argparse.ArgumentTypeError(
            f"unknown scenario {', '.join(unknown)}; use any of {', '.join(SCENARIOS)}"
        )
    return tuple(name for name in SCENARIOS if name in names)


def _package(text: str) -> Path:
    path = Path(text)
    if not (path / "oomwarden" / "controller").is_dir():
        raise argparse.ArgumentTypeError(f"{text} has no oomwarden/controller")
    return path


def _earlier(path: str) -> Results:
    try:
        return table.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(
            f"{path} is not a result of this benchmark: {error}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
