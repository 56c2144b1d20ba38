"""The node's disks: one with Debian, the runtime and the kubelet; one with the images unpacked."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from e2e.lab import cache, debian
from e2e.lab.errors import LabError
from e2e.lab.kernel import Kernel
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
    # Not built here: runc is of no use without libseccomp.
    "runc",
    "systemd",
    "systemd-sysv",
    "util-linux",
)
_PROGRAMS = ("kubelet", "containerd", "containerd-shim-runc-v2", "ctr")
_CNI_PLUGINS = ("bridge", "host-local", "loopback")
_UNITS = ("lab-network", "containerd", "kubelet")
# serial-getty waits a minute for a device that never comes; the others have nothing to do here.
_MASKED = ("serial-getty@ttyS0", "e2scrub_reap", "getty@tty1")
_DISK_SIZE = "8G"
# Each change of the product makes a new one; the last few serve whoever changes to and fro.
_STORES_KEPT = 900.0


def build_tree() -> Path:
    """Returns the node's Debian as a tar, built where it is missing."""

    def build(archive: Path) -> None:
        debian.bootstrap(archive, _PACKAGES)

    inputs = [debian.release(), *_PACKAGES]
    return cache.artifact("node-debian", inputs, build, "Debian packages, about 40 s")


def build_system(tools: Tools, kernel: Kernel, archive: Path) -> Path:
    """Returns the node's system disk, built where it is missing.

    Args:
        tools: The node's programs.
        kernel: Whose modules it needs.
        archive: Its Debian, as a tar.
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

    # The folder's time says when it was last used; User-Mode Linux wants the disk's own unchanged.
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
    """Writes an ext4 file system with the files of a folder; its free space takes no room."""
    run("truncate", f"--size={_DISK_SIZE}", image)
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1", "-d", tree, image)


def build_store(tools: Tools, archives: Sequence[Path]) -> Path:
    """Returns a disk for /var/lib/containerd in which the images are unpacked already.

    A containerd of this machine does it in seconds; in the emulated node it takes minutes.
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
    # A folder of its own: the path of a socket may not be longer than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as state:
        config, socket = folder / "config.toml", Path(state) / "socket"
        config.write_text(_import_config(folder / "store", state), encoding="utf-8")
        # The kernel ends it with this process, however that ends.
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
