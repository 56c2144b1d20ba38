"""An initial file system made by hand: the few modules that reach a disk, and what mounts it.

Debian's own takes three times as long to make, and an emulated machine boots it more slowly.
"""

from pathlib import Path

from e2e.lab import cache
from e2e.lab.errors import LabError
from e2e.lab.shell import run

MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")
"""What a machine's disk and network take; a kernel may have each built in."""
# ext4 asks for it by the name of an algorithm; newer kernels have it in a library.
_IF_ANY = ("crc32c_generic",)
_BUSYBOX = Path("/bin/busybox")
_INIT = """\
#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod "$module"; done
until [ -b /dev/vda ]; do busybox usleep 20000; done
busybox mount -t ext4 /dev/vda /root
init=$(busybox sed -n 's/.* init=\\([^ ]*\\).*/\\1/p' /proc/cmdline)
busybox mount --move /dev /root/dev
busybox umount /proc
exec busybox switch_root /root "${init:-/sbin/init}"
"""
INPUTS = (_INIT, *MODULES, *_IF_ANY)
"""What an initial file system depends on beside the kernel."""


def write(modules: Path, archive: Path) -> None:
    """Writes the initial file system of a kernel.

    Args:
        modules: The kernel's folder in /lib/modules; what depmod writes is added to it.
        archive: Where to write it.

    Raises:
        LabError: The kernel has no way to a disk.
    """
    root = archive.with_name(f"{archive.name}.tree")
    _resolve(modules, root)
    for name in ("bin", "dev", "modules", "proc", "root"):
        (root / name).mkdir(parents=True)
    run("cp", _BUSYBOX, root / "bin/busybox")
    init = root / "init"
    init.write_text(_INIT, encoding="utf-8")
    init.chmod(0o755)
    for number, path in enumerate(_needed(modules)):
        module = root / "modules" / f"{number:02}-{path.name}"
        run("cp", path, module)
        if module.suffix == ".xz":
            run("xz", "--decompress", module)
    script = 'busybox find . | busybox cpio -o -H newc > "$1"'
    run("sh", "-c", script, "pack", archive, cwd=root)
    cache.remove(root)


def _resolve(modules: Path, base: Path) -> None:
    """Has depmod write which module needs which; releases differ in where it looks."""
    (base / "lib").mkdir(parents=True)
    (base / "lib/modules").symlink_to(modules.parent)
    (base / "usr").symlink_to(".")
    run("depmod", "--basedir", base, modules.name)
    cache.remove(base)


def _needed(modules: Path) -> list[Path]:
    built_in = (modules / "modules.builtin").read_text(encoding="utf-8")
    dependencies = (modules / "modules.dep").read_text(encoding="utf-8")
    try:
        return [modules / path for path in load_order(dependencies, built_in)]
    except KeyError as missing:
        raise LabError(
            f"Linux {modules.name} has no module {missing}: it reaches no disk."
        ) from None


def load_order(modules_dep: str, modules_builtin: str) -> list[str]:
    """Returns the paths of the modules to load, each after those it depends on.

    Args:
        modules_dep: The file of that name: a module's dependencies stand behind it, last first.
        modules_builtin: The file of that name: what need not be loaded.

    Raises:
        KeyError: The kernel has one of `MODULES` in no way.
    """
    built_in = {_name(line) for line in modules_builtin.splitlines()}
    lines = (line.partition(":")[::2] for line in modules_dep.splitlines())
    found = {_name(path): [*reversed(needs.split()), path] for path, needs in lines}
    wanted = [name for name in _IF_ANY if name in found]
    wanted += [name for name in MODULES if name not in built_in]
    return list(dict.fromkeys(path for name in wanted for path in found[name]))


def _name(path: str) -> str:
    # A file is `virtio-rng.ko` where the kernel speaks of virtio_rng.
    return Path(path).name.partition(".")[0].replace("-", "_")
