"""Long-lived processes of an instance: each is recorded before it runs, and stopped by its record.

A record contains the process id, the start time and the boot id, so that another process that got
the same id in the meantime is never signalled.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.lab.errors import LabError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the command's closing bracket
# exec keeps the process id and start time, so the shell's own record is valid for the program.
_RECORD_THEN_EXEC = f'cat /proc/$$/stat {_BOOT_ID} > "$0.new" && mv "$0.new" "$0" && exec "$@"'
_RECORD_SECONDS = 10.0


@dataclass(frozen=True)
class ProcessRecord:
    """Identifies a process by its id, start time and boot."""

    pid: int
    start_time: int
    boot_id: str

    @classmethod
    def parse(cls, text: str) -> "ProcessRecord":
        """Parse the content of /proc/PID/stat, followed by the boot id."""
        stat, boot_id = text.strip().rsplit("\n", 1)
        before, _, after = stat.rpartition(")")
        return cls(int(before.split()[0]), int(after.split()[_START_TIME_FIELD]), boot_id)

    def is_alive(self) -> bool:
        """Return whether exactly this process still runs; a zombie does not."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        state = stat.rpartition(")")[2].split()[0]
        now = ProcessRecord.parse(f"{stat}\n{_BOOT_ID.read_text(encoding='utf-8')}")
        return state != "Z" and now == self


def start(
    name: str, command: Sequence[str | Path], folder: Path, pass_fds: Sequence[int] = ()
) -> ProcessRecord:
    """Start a program in its own session, which continues after this process exits.

    Args:
        name: The name of its record, `NAME.process`, and of its output, `NAME.log`.
        command: The program and its arguments.
        folder: The instance's run directory.
        pass_fds: File descriptors that it inherits.

    Raises:
        LabError: It was not recorded in time.
    """
    record = _record_path(folder, name)
    record.unlink(missing_ok=True)
    # setsid forks, so the program is no child of this process and cannot become its zombie.
    words = ["setsid", "--fork", "sh", "-c", _RECORD_THEN_EXEC, str(record), *map(str, command)]
    with (folder / f"{name}.log").open("ab") as log:
        nothing = subprocess.DEVNULL
        subprocess.run(words, stdin=nothing, stdout=log, stderr=log, pass_fds=pass_fds, check=True)
    deadline = time.monotonic() + _RECORD_SECONDS
    while not record.exists():
        if time.monotonic() > deadline:
            raise LabError(f"{name} did not start: see {log.name}.")
        time.sleep(0.01)
    return ProcessRecord.parse(record.read_text(encoding="utf-8"))


def is_alive(name: str, folder: Path) -> bool:
    """Return whether the process with that name is running."""
    record = _read(folder, name)
    return record is not None and record.is_alive()


def process_id(name: str, folder: Path) -> int | None:
    """Return the id of the process with that name, or None if it is not running."""
    record = _read(folder, name)
    return record.pid if record is not None and record.is_alive() else None


def stop(name: str, folder: Path, patience: float = 5.0) -> bool:
    """Stop the process with that name, and delete its record.

    Args:
        name: The name that it was started with.
        folder: The instance's run directory.
        patience: Seconds to exit after SIGTERM, before SIGKILL.

    Returns:
        Whether it was running.
    """
    record = _read(folder, name)
    was_alive = record is not None and _end(record, patience)
    _record_path(folder, name).unlink(missing_ok=True)
    return was_alive


def _end(record: ProcessRecord, patience: float) -> bool:
    try:
        # Opened before the check: from here on, the descriptor cannot mean another process.
        process = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return False
    try:
        if not record.is_alive():
            return False
        ended = select.poll()  # select() takes no descriptor above 1023
        ended.register(process, select.POLLIN)
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
            signal.pidfd_send_signal(process, number)
            if ended.poll(seconds * 1000):
                break
    finally:
        os.close(process)
    return True


def _record_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.process"


def _read(folder: Path, name: str) -> ProcessRecord | None:
    try:
        return ProcessRecord.parse(_record_path(folder, name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
