"""The node's disks: one with Debian, the runtime and the kubelet; one with unpacked images."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from e2e.lab import cache, debian
from e2e.lab.errors import LabError
from e2e.lab.kernel import KernelFiles
from e2e.lab.shell import run
from e2e.lab.tools import Tools

_ROOTFS = Path(__file__).parent / "rootfs"
_PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "iptables",
    "kmod",
    "procps",
    # Not built by the lab: runc needs libseccomp.
    "runc",
    "systemd",
    "systemd-sysv",
    "util-linux",
)
_PROGRAMS = ("kubelet", "containerd", "containerd-shim-runc-v2", "ctr")
_CNI_PLUGINS = ("bridge", "host-local", "loopback")
_UNITS = ("lab-network", "containerd", "kubelet")
# serial-getty waits a minute for a device that never appears; the others are not needed.
_MASKED = ("serial-getty@ttyS0", "e2scrub_reap", "getty@tty1")
_DISK_SIZE = "8G"
# Seconds. Each change of the product makes a new one; the last few help when switching branches.
_STORES_KEPT = 900.0


def build_tree() -> Path:
    """Return a tar of the node's Debian, and build it first if it is missing."""

    def build(archive: Path) -> None:
        debian.bootstrap(archive, _PACKAGES)

    inputs = [debian.release(), *_PACKAGES]
    return cache.artifact("node-debian", inputs, build, "Debian packages, about 40 s")


def build_system(tools: Tools, kernel: KernelFiles, archive: Path) -> Path:
    """Return the node's system disk, and build it first if it is missing.

    Args:
        tools: The node's programs.
        kernel: The kernel whose modules it needs.
        archive: The tar of its Debian.
    """
    programs = [str(tools[name]) for name in (*_PROGRAMS, *_CNI_PLUGINS)]
    texts = (*_UNITS, *_MASKED, *programs, str(kernel.folder), str(archive))

    def build(folder: Path) -> None:
        tree = folder / "tree"
        tree.mkdir(parents=True)
        run("tar", "--extract", "--file", archive, "--directory", tree)
        run("cp", "--recursive", kernel.modules, tree / "lib")
        _add_programs(tree, tools)
        run("cp", "--recursive", f"{_ROOTFS}/.", tree)
        _enable_units(tree)
        make_disk(tree, folder / "system.img")
        cache.remove(tree)

    # Each use touches the folder; User-Mode Linux requires that the disk's own time stays the same.
    folder = cache.artifact("node", [_ROOTFS, *texts], build, "mke2fs, about 10 s")
    return folder / "system.img"


def _add_programs(tree: Path, tools: Tools) -> None:
    for names, folder in ((_PROGRAMS, "usr/local/bin"), (_CNI_PLUGINS, "opt/cni/bin")):
        (tree / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            run("cp", tools[name], tree / folder / name)


def _enable_units(tree: Path) -> None:
    units = tree / "etc/systemd/system"
    for target in ("multi-user.target.wants", "sysinit.target.wants"):
        (units / target).mkdir(exist_ok=True)
    for name in _UNITS:
        (units / "multi-user.target.wants" / f"{name}.service").symlink_to(f"../{name}.service")
    early = units / "sysinit.target.wants/lab-instance.service"
    early.symlink_to("../lab-instance.service")
    for name in _MASKED:
        (units / f"{name}.service").symlink_to("/dev/null")
    for timer in (units / "timers.target.wants").glob("*"):
        timer.unlink()
    for folder in ("dev", "var/lib/containerd", "etc/kubernetes/manifests"):
        (tree / folder).mkdir(parents=True, exist_ok=True)


def make_disk(tree: Path, image: Path) -> None:
    """Write a sparse ext4 image with the files of a folder."""
    run("truncate", f"--size={_DISK_SIZE}", image)
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", tree, image)


def build_store(tools: Tools, archives: Sequence[Path]) -> Path:
    """Return a disk for /var/lib/containerd with the images already unpacked.

    On this machine, containerd unpacks them in seconds; in an emulated node it would take minutes.
    """
    inputs: list[cache.Input] = [
        str(tools["containerd"]),
        *(str(path) for path in archives),
        _DISK_SIZE,
    ]

    def build(folder: Path) -> None:
        (folder / "store").mkdir(parents=True)
        _import(tools, archives, folder)
        for state in (folder / "store").glob("*cri*"):
            cache.remove(state)
        make_disk(folder / "store", folder / "store.img")
        cache.remove(folder / "store")

    waits_for = "containerd, about 10 s"
    return cache.artifact("store", inputs, build, waits_for, _STORES_KEPT) / "store.img"


def _import(tools: Tools, archives: Sequence[Path], folder: Path) -> None:
    # A temporary folder: the path of a socket may not be longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as state:
        config, socket = folder / "config.toml", Path(state) / "socket"
        config.write_text(_import_config(folder / "store", state), encoding="utf-8")
        # The kernel terminates it when this process exits, for whatever reason.
        tied = ("setpriv", "--pdeathsig", "TERM", tools["containerd"], "--config", config)
        with (folder / "log").open("wb") as log, subprocess.Popen(tied, stderr=log) as containerd:
            try:
                _wait_for_socket(socket, containerd)
                for archive in archives:
                    ctr = (tools["ctr"], "--address", socket, "--namespace", "k8s.io")
                    run(*ctr, "images", "import", archive)
            finally:
                containerd.terminate()


def _wait_for_socket(socket: Path, containerd: "subprocess.Popen[bytes]") -> None:
    while not socket.exists():
        if containerd.poll() is not None:
            raise LabError("containerd did not start: images cannot be unpacked on this machine.")
        time.sleep(0.1)


def _import_config(root: Path, state: str) -> str:
    return f"""\
version = 3
root = '{root}'
state = '{state}'
disabled_plugins = [
  'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime',
]
[grpc]
  address = '{state}/socket'
[ttrpc]
  address = '{state}/ttrpc'
"""
