"""The newest kernel of Debian's other suites, with an initial file system that is made by hand."""

from pathlib import Path

from e2e.lab import cache, suites
from e2e.lab.errors import LabError
from e2e.lab.kernel import Kernel
from e2e.lab.shell import run
from e2e.lab.suites import Package

_BINARY = r"linux-binary-(7|8|9)\.\S+-cloud-amd64"
_MODULES = ("virtio_pci", "virtio_blk", "ext4")
"""What a disk with the machine's files takes; a kernel may have each built in."""
_BUSYBOX = Path("/bin/busybox")
_WAITS_FOR = "Debian's packages of it, about 20 s"
_INIT = """\
#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod "$module"; done
until [ -b /dev/vda ]; do busybox usleep 20000; done
busybox mount -t ext4 /dev/vda /root
init=$(busybox sed 's/.* init=//; s/ .*//' /proc/cmdline)
busybox mount --move /dev /root/dev
busybox umount /proc
exec busybox switch_root /root "$init"
"""


def build() -> Kernel:
    """Returns the kernel, the newest there was when it was first asked for.

    Raises:
        LabError: No suite has one, or it cannot be had.
    """
    # The version is no input: what was unpacked once serves as long as it is used.
    inputs: list[cache.Input] = [_BINARY, _INIT, *suites.SUITES, *_MODULES]
    return Kernel(cache.artifact("newer-kernel", inputs, _unpack, _WAITS_FOR))


def _unpack(folder: Path) -> None:
    binary = _newest()
    release = binary.name.removeprefix("linux-binary-")
    tree, root = folder / "tree", folder / "initrd"
    for part in ("base", "binary", "modules"):
        suites.unpack(Package(f"linux-{part}-{release}", binary.version, binary.suite), tree)
    files = tree / "usr/lib/modules" / release
    run("cp", files / "vmlinuz", folder / "vmlinuz")
    _fill(root, files)
    pack(root, folder / "initrd.img")
    (folder / "release").write_text(f"{release}\n", encoding="utf-8")
    for done in (tree, root):
        cache.remove(done)


def _newest() -> Package:
    found = suites.candidates(_BINARY)
    if not found:
        raise LabError(f"None of {', '.join(suites.SUITES)} has Linux 7.0 or newer.")
    return found[0]


def _fill(root: Path, files: Path) -> None:
    for name in ("bin", "dev", "modules", "proc", "root"):
        (root / name).mkdir(parents=True)
    run("cp", _BUSYBOX, root / "bin/busybox")
    init = root / "init"
    init.write_text(_INIT, encoding="utf-8")
    init.chmod(0o755)
    built_in = (files / "modules.builtin").read_text(encoding="utf-8")
    for number, name in enumerate(loadable(_MODULES, built_in)):
        found = [path for path in files.rglob(f"{name}.ko*") if path.is_file()]
        if len(found) != 1:
            raise LabError(f"{files.name} has no module {name}: it cannot read its disk.")
        module = root / "modules" / f"{number}-{found[0].name}"
        run("cp", found[0], module)
        if module.suffix == ".xz":
            run("xz", "--decompress", module)


def loadable(modules: tuple[str, ...], built_in: str) -> list[str]:
    """Returns the modules that modules.builtin does not name, in their order."""
    there = {Path(line).stem for line in built_in.splitlines()}
    return [name for name in modules if name not in there]


def pack(root: Path, archive: Path) -> None:
    """Writes a folder as an initial file system."""
    script = 'busybox find . | busybox cpio -o -H newc > "$1"'
    run("sh", "-c", script, "pack", archive, cwd=root)
