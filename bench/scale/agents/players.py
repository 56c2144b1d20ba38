"""The processes that play the agents, and their traffic together."""

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.scale.control_plane import ControlPlane

Figures = dict[str, Any]
PROCESSES = 2
_POLL_SECONDS = 0.5
_SHOWN = 2000
_GREATEST = frozenset({"slowest", "last_written"})


class Players:
    """The processes.

    Args:
        processes: The processes.
        logs: What they write to stderr.
    """

    def __init__(self, processes: Sequence["subprocess.Popen[str]"], logs: Sequence[Path]) -> None:
        self._processes, self._logs = processes, logs

    def ask(self, **command: Any) -> Figures:
        """Send a command to all processes; return their states as one.

        Raises:
            RuntimeError: A process, or an agent in it, has ended.
        """
        for each in self._processes:
            assert each.stdin is not None  # noqa: S101 - it is a pipe
            each.stdin.write(json.dumps(command) + "\n")
            each.stdin.flush()
        found = merged([_answer(each) for each in self._processes])
        if found["ended"]:
            raise RuntimeError(f"{found['ended']} agents have ended: {self.complaints()}")
        return found

    def complaints(self) -> str:
        """Return the end of what the processes have logged."""
        texts = [each.read_text(encoding="utf-8", errors="replace") for each in self._logs]
        return "\n".join(text[-_SHOWN:] for text in texts)

    def wait_until(
        self, reached: Callable[[Figures], bool], seconds: float, **command: Any
    ) -> Figures:
        """Ask until something is reached.

        Raises:
            TimeoutError: It takes too long.
        """
        deadline = time.monotonic() + seconds
        while not reached(found := self.ask(**command)):
            if time.monotonic() > deadline:
                shown = {key: found[key] for key in ("synced", "written", "waiting", "held")}
                raise TimeoutError(f"after {seconds:.0f} s: {shown}, refused {found['refused']}")
            time.sleep(_POLL_SECONDS)
        return found


def merged(states: Sequence[Mapping[str, Any]]) -> Figures:
    """Return the state of all processes: numbers are added, except for the greatest of a kind."""
    found: Figures = {}
    for key, first in states[0].items():
        values = [each[key] for each in states]
        if isinstance(first, Mapping):
            found[key] = dict(sum((Counter(each) for each in values), Counter[str]()))
        else:
            found[key] = max(values) if key in _GREATEST else sum(values)
    return found


def _answer(process: "subprocess.Popen[str]") -> Figures:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a player has ended with {process.wait()}: read its log")
    found: Figures = json.loads(line)
    return found


@contextlib.contextmanager
def players(plane: ControlPlane, tokens: Mapping[str, Path]) -> Iterator[Players]:
    """Start the processes, and end them.

    Args:
        plane: The control plane.
        tokens: The token file of each node's agent.
    """
    names = list(tokens)
    with contextlib.ExitStack() as stack:
        started = []
        for number in range(PROCESSES):
            own = {name: str(tokens[name]) for name in names[number::PROCESSES]}
            config = plane.folder / f"player-{number}.json"
            config.write_text(json.dumps({
                "port": plane.port, "authority": str(plane.certificate),
                "folder": str(plane.folder), "agents": own,
            }))  # fmt: skip
            log = stack.enter_context((plane.folder / f"player-{number}.log").open("wb"))
            command = [sys.executable, "-m", "bench.scale.agents.player", str(config)]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
            stack.callback(_end, process)
            started.append(process)
        yield Players(started, [plane.folder / f"player-{n}.log" for n in range(PROCESSES)])


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()
