"""One agent's detection and recording in its own process, without an API server.

Only this module of the checks imports the agent's modules.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oomwarden.agent.detection.detector import Detector, into_queue
from oomwarden.agent.detection.kernel_log import OTHER_PID_NAMESPACE, KernelLogReader
from oomwarden.agent.informers.inventory import Inventory
from oomwarden.agent.recording.recorder import Recorder
from oomwarden.agent.recording.settler import NodeIdentity, Settler
from oomwarden.agent.store.counters import counts
from oomwarden.agent.store.database import Database
from oomwarden.api.oomkill import ContainerType
from oomwarden.api.policy import QOSClass
from oomwarden.core.ledger.ledger import Ledger
from oomwarden.core.ledger.rebuild import RecordedKills
from oomwarden.core.log_line.line import LogFormat
from oomwarden.core.model.pod import ContainerFacts, PodFacts
from oomwarden.core.quota.pressure import CALM
from oomwarden.kernel import syslog
from oomwarden.kernel.cgroup.files import CgroupRoot
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.host import Host
from oomwarden.log_output.setup import configure_logging

if TYPE_CHECKING:
    from oomwarden.agent.detection.batch import Batch

FOLDER = Path("/tmp/agents")  # noqa: S108 - nothing else runs on the machine
ROOT = Path("/sys/fs/cgroup")
QOS = {name.lower(): QOSClass(name) for name in ("Guaranteed", "Burstable", "BestEffort")}


@dataclass(frozen=True)
class Nesting:
    nested: bool


def pod_facts(pod: dict[str, Any]) -> PodFacts:
    containers = tuple(
        ContainerFacts(one["name"], ContainerType(one["type"]), one["id"], one["limit"])
        for one in pod["containers"]
    )
    return PodFacts(
        uid=pod["uid"], cgroup_uid=pod["cgroup_uid"], namespace="shop", name=pod["name"],
        labels={}, qos=QOS[pod["qos"]], containers=containers, created="2026-01-02T00:00:00Z",
    )  # fmt: skip


def into_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call from another thread."""
    loop.call_soon_threadsafe(call)


class AgentLoop:
    """Runs in the agent's process. Pods arrive on a pipe, one JSON object per line."""

    def __init__(self, name: str, pods: int) -> None:
        self.store = Database(FOLDER / f"{name}.sqlite", lambda _: None)
        self.inventory = Inventory(synced=True)
        self.log = KernelLogReader(
            syslog.read_since, None if name.startswith("log") else OTHER_PID_NAMESPACE
        )
        self.pods = pods
        self.buffer = b""
        root = CgroupRoot(ROOT)
        self.kubepods = find_kubepods(root)
        if self.kubepods is None:
            raise LookupError("no kubepods")
        place = NodeIdentity(
            "node-1", Host(Path("/proc")).boot_id(), Nesting("/" in self.kubepods.path)
        )
        settler = Settler(place, Ledger(), self.inventory, self.log, lambda _: None, lambda _: None)
        self.recorder = Recorder(
            settler,
            self.store,
            root,
            self.recorded,
            lambda: CALM,
            lambda: None,
            (),
        )
        self.root = root

    @staticmethod
    async def recorded() -> RecordedKills:
        return RecordedKills()

    async def run(self, on_ready: Callable[[], None]) -> dict[str, Any]:
        """Run until SIGTERM, and return the final state."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_reader(self.pods, self.read_pods)
        await self.store.open()
        queue: asyncio.Queue[Batch] = asyncio.Queue()
        assert self.kubepods
        detector = Detector(self.root, self.kubepods, into_queue(loop, queue))
        detector.start(partial(into_loop, loop, ended.set))
        tasks = [
            asyncio.create_task(job) for job in (self.recorder.run(queue), self.name_containers())
        ]
        for task in tasks:
            task.add_done_callback(lambda _: ended.set())
        while self.recorder.progress == 0:
            assert not ended.is_set(), [task for task in tasks if task.done()]
            await asyncio.sleep(0.01)
        on_ready()
        await ended.wait()
        detector.stop()
        failed = [task.exception() for task in tasks if task.done()]
        return {
            "error": repr(detector.error or next(iter(failed), "")),
            "unreadable": detector.unreadable,
            "overruns": self.log.overruns,
            "unrecorded": [
                {"path": account.cgroup.path, "kills": account.unrecorded.oom_kill}
                for account in self.recorder.settler.ledger.accounts.values()
                if account.unrecorded.oom_kill
            ],
        }

    def read_pods(self) -> None:
        *lines, self.buffer = (self.buffer + os.read(self.pods, 1 << 20)).split(b"\n")
        for line in lines:
            facts = pod_facts(json.loads(line))
            self.inventory.pods[facts.cgroup_uid] = facts
        self.inventory.appeared.set()

    async def name_containers(self) -> None:
        """Set container names when their pods arrive, as the informer does."""
        while True:
            await self.inventory.appeared.wait()
            for container in self.inventory.containers.values():
                facts = self.inventory.container(container)
                container.name = facts.name if facts else None


class Agent:
    """The agent's process, seen from the checks."""

    def __init__(self, name: str) -> None:
        self.name = name
        FOLDER.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        read_end, self.pods = os.pipe()
        ready = FOLDER / f"{self.name}.ready"
        ready.unlink(missing_ok=True)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pods)
            _run_child(self.name, read_end, ready)
        os.close(read_end)
        end = time.monotonic() + 60
        while not ready.exists():
            if time.monotonic() > end:
                raise TimeoutError(f"agent {self.name} is not ready")
            time.sleep(0.01)

    def add_pod(self, pod: dict[str, Any]) -> None:
        os.write(self.pods, json.dumps(pod).encode() + b"\n")

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        while "\nState:\tT" not in Path(f"/proc/{self.pid}/status").read_text():
            time.sleep(0.001)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL, because an agent may be killed at any moment."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.pods)

    def stop(self) -> dict[str, Any]:
        self.thaw()
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        os.close(self.pods)
        last: dict[str, Any] = json.loads((FOLDER / f"{self.name}.last").read_text())
        return last

    def delete_files(self) -> None:
        for path in FOLDER.glob(f"{self.name}.*"):
            path.unlink()

    def records(self) -> list[dict[str, Any]]:
        """Return the OOMKills so far, each once, in the order in which they were recorded."""
        lines = (FOLDER / f"{self.name}.out").read_bytes().split(b"\n")[:-1]
        kills = [found["oomkill"] for line in lines if "oomkill" in (found := json.loads(line))]
        return list({kill["metadata"]["name"]: kill for kill in kills}.values())

    def unattributed(self) -> int:
        store = sqlite3.connect(FOLDER / f"{self.name}.sqlite")
        try:
            return counts(store).get("unattributed", 0)
        finally:
            store.close()

    def watches(self) -> int:
        """Return the number of its inotify watches."""
        found = 0
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            if fd.is_symlink() and "inotify" in str(fd.readlink()):
                info = Path(f"/proc/{self.pid}/fdinfo/{fd.name}").read_text()
                found += info.count("inotify wd:")
        return found

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


def _whole_lines(path: Path) -> Path:
    """Truncate the last line if a killed agent has not finished it: it was not delivered."""
    lines = path.read_bytes() if path.exists() else b""
    path.write_bytes(lines[: lines.rfind(b"\n") + 1])
    return path


def _run_child(name: str, pods: int, ready: Path) -> None:
    """Run the agent in the forked child, and never return."""
    code = 1
    try:
        signal.alarm(0)
        os.set_blocking(pods, False)
        sys.stdout = _whole_lines(FOLDER / f"{name}.out").open("a", encoding="utf-8")
        configure_logging("WARNING", LogFormat.JSON)
        last = asyncio.run(AgentLoop(name, pods).run(ready.touch))
        (FOLDER / f"{name}.last").write_text(json.dumps(last))
        code = 0
    except BaseException:  # noqa: BLE001 - the child must never continue as the driver
        traceback.print_exc()
    os._exit(code)
