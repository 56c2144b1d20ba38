"""A hand-made initramfs: the few modules that a disk needs, and a script that mounts it.

Debian's own takes three times as long to build, and emulated machines boot it more slowly.
"""

from pathlib import Path

from e2e.lab import cache
from e2e.lab.errors import LabError
from e2e.lab.shell import run

MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")
"""What a machine's disk and network need; each may be built into the kernel."""
# ext4 loads it by the name of the algorithm; newer kernels have it in a library.
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
"""What an initramfs depends on besides the kernel."""


def write(modules: Path, archive: Path) -> None:
    """Write the initramfs of a kernel.

    Args:
        modules: The kernel's folder in /lib/modules; depmod writes its files there.
        archive: Where to write it.

    Raises:
        LabError: The kernel lacks a module that the disk needs.
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
    """Let depmod write the dependencies; releases differ in the paths that it reads."""
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
            f"Linux {modules.name} has no module {missing}, so it cannot use its disk."
        ) from None


def load_order(modules_dep: str, modules_builtin: str) -> list[str]:
    """Return the paths of the modules to load, each after its dependencies.

    Args:
        modules_dep: The text of modules.dep: each module with its dependencies, last first.
        modules_builtin: The text of modules.builtin: what need not be loaded.

    Raises:
        KeyError: The kernel has one of `MODULES` neither as a module nor built in.
    """
    built_in = {_name(line) for line in modules_builtin.splitlines()}
    lines = (line.partition(":")[::2] for line in modules_dep.splitlines())
    found = {_name(path): [*reversed(needs.split()), path] for path, needs in lines}
    wanted = [name for name in _IF_ANY if name in found]
    wanted += [name for name in MODULES if name not in built_in]
    return list(dict.fromkeys(path for name in wanted for path in found[name]))


def _name(path: str) -> str:
    # A file may be named `virtio-rng.ko` though the kernel calls the module virtio_rng.
    return Path(path).name.partition(".")[0].replace("-", "_")
