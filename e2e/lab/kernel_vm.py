"""Runs one script on a real kernel with cgroup v2 and without Kubernetes: an emulated machine."""

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.lab import base_images, cache, kernel, preflight, product_image
from e2e.lab.emulation import ACCELERATOR, KERNEL_ARGUMENTS, PROCESSOR
from e2e.lab.errors import LabError
from e2e.lab.kernel import KernelFiles
from e2e.lab.memory import available_here
from e2e.lab.node_image import make_disk
from e2e.lab.progress import say, step
from e2e.lab.shell import run

_INIT = "/oomwarden-init"
_MEMORY = 1024  # MiB
_MEMORY_WITH_EMULATOR = 1536
_LOG_SIZE = "256K"
"""Room for 42 OOM kills with their stacks: more than any check prints between two reads of an agent
that waits for its processor. The default is 128 KiB. More costs time, as each read returns it all.
"""
_ANSWER_SIZE = 16 << 20
_CONSOLE_TAIL = 2000
_INIT_SCRIPT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
mkdir /tmp/job /tmp/answer
cd /tmp/job && tar --extract --file /dev/vdb
PYTHONPATH=/tmp/job/operator:/tmp/job /opt/oomwarden/bin/python script.py > /tmp/answer/stdout
echo $? > /tmp/answer/exit_code
tar --create --file /dev/vdc --directory /tmp/answer stdout exit_code
sync
echo b > /proc/sysrq-trigger
"""


_running: "set[subprocess.Popen[bytes]]" = set()


@dataclass(frozen=True)
class CompletedRun:
    """The result of a script that ran in a machine.

    Attributes:
        stdout: Its standard output.
        exit_code: Its exit code.
        console: The kernel's messages, and the script's standard error.
    """

    stdout: str
    exit_code: int
    console: str


def run_in_vm(
    script: str,
    files: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    linux: KernelFiles | None = None,
    processor: int | None = None,
) -> CompletedRun:
    """Run a Python script as root in its own machine, with this checkout's oomwarden.

    The machine has cgroup v2 with the memory controller in /sys/fs/cgroup, the image's Python
    and dependencies, no network and no other processes.

    Args:
        script: The program; `import oomwarden` imports this checkout's source.
        files: More files by their names in the script's working directory.
        timeout: Seconds for boot and script.
        linux: The kernel; by default the one of this machine's Debian release.
        processor: The only processor of this machine to use, so that several machines can run at
            the same time; by default a machine has two processors and is not pinned.

    Returns:
        The script's output and exit code, even if the script failed.

    Raises:
        LabError: The machine did not answer in time.
    """
    preflight.check_machine()
    preflight.install_packages()
    linux, disk = linux or kernel.build(), _disk()
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as name:
        folder = Path(name)
        _write_request(folder / "request", {"script.py": script, **(files or {})})
        run("truncate", f"--size={_ANSWER_SIZE}", folder / "answer")
        with step("run in a virtual machine", "the machine to boot and to answer, about 15 s"):
            _boot(linux, disk, folder, timeout, processor)
        return _read_answer(folder)


def _disk() -> Path:
    """Return a disk with the product image's files; each run replaces the source in it."""
    base = base_images.build_python_base()
    inputs: list[cache.Input] = [str(base), _INIT_SCRIPT, *product_image.dependencies()]
    if not (path := cache.artifact_path("vm", inputs)).exists():
        image = product_image.build(base)

        def build(disk: Path) -> None:
            with product_image.mounted(base, image) as tree:
                init = tree / _INIT.removeprefix("/")
                init.write_text(_INIT_SCRIPT, encoding="utf-8")
                init.chmod(0o755)
                for folder in ("dev", "proc", "sys"):
                    (tree / folder).mkdir(exist_ok=True)
                make_disk(tree, disk)

        cache.artifact("vm", inputs, build, "mke2fs, about 5 s")
    return path


def _write_request(path: Path, files: Mapping[str, str]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
        tar.add(product_image.REPOSITORY / "operator", "operator", filter=_source_only)


def _source_only(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member


def _boot(
    linux: KernelFiles, disk: Path, folder: Path, timeout: float, processor: int | None
) -> None:
    arguments = f"{KERNEL_ARGUMENTS} panic=-1 log_buf_len={_LOG_SIZE} init={_INIT}"
    drives = (
        f"file={disk},format=raw,if=virtio,snapshot=on,cache=unsafe",
        f"file={folder / 'request'},format=raw,if=virtio,readonly=on",
        f"file={folder / 'answer'},format=raw,if=virtio",
    )
    emulator = [
        # The kernel kills it when this process exits, for whatever reason.
        *("setpriv", "--pdeathsig", "KILL", "env", f"TMPDIR={folder}"),
        *(() if processor is None else ("taskset", "--cpu-list", str(processor))),
        "qemu-system-x86_64",
        *(*ACCELERATOR, *PROCESSOR, "-smp", "2" if processor is None else "1"),
        *("-m", str(_MEMORY), "-display", "none", "-no-user-config", "-nodefaults", "-no-reboot"),
        *("-kernel", str(linux.image), "-initrd", str(linux.initrd), "-append", arguments),
        *("-serial", f"file:{folder / 'console'}"),
        *(word for drive in drives for word in ("-drive", drive)),
    ]
    with subprocess.Popen(emulator, stdin=subprocess.DEVNULL) as machine:
        _running.add(machine)
        try:
            machine.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"No answer after {timeout:.0f} s. {_console_tail(folder)}") from None
        finally:
            machine.kill()
            _running.discard(machine)


def kill_all() -> None:
    """Kill all running machines; the threads that wait for them raise LabError."""
    for machine in list(_running):
        machine.kill()


def available_processors() -> list[int] | list[None]:
    """Return a processor for each machine that can run at the same time; None: all processors.

    A machine mostly waits, or keeps one processor busy. So two machines with a processor each do
    not slow each other down.
    """
    processors = sorted(os.sched_getaffinity(0))
    free = available_here()
    count = concurrent_machines(len(processors), free)
    if count > 1:
        return processors[:count]
    say(
        f"Machines run one after the other: {len(processors)} processor(s) and {free} MiB of"
        " memory are not enough for two."
    )
    return [None]


def concurrent_machines(processors: int, memory: int) -> int:
    """Return how many machines can run at the same time, each on its own processor.

    Args:
        processors: The number of processors that may be used.
        memory: Available memory, in MiB.
    """
    return max(1, min(processors, memory // _MEMORY_WITH_EMULATOR))


def _read_answer(folder: Path) -> CompletedRun:
    try:
        with tarfile.open(folder / "answer") as tar:
            contents = {name: _member(tar, name) for name in tar.getnames()}
        stdout, exit_code = contents["stdout"], int(contents["exit_code"])
    except (tarfile.ReadError, KeyError):
        raise LabError(f"The machine ended without an answer. {_console_tail(folder)}") from None
    console = (folder / "console").read_text(encoding="utf-8", errors="replace")
    return CompletedRun(stdout, exit_code, console)


def _member(tar: tarfile.TarFile, name: str) -> str:
    file = tar.extractfile(name)
    return file.read().decode(errors="replace") if file else ""


def _console_tail(folder: Path) -> str:
    text = (folder / "console").read_text(encoding="utf-8", errors="replace")
    return f"The end of its console:\n{text[-_CONSOLE_TAIL:]}"
