"""The small images that the node has besides the product's, and the product's base image."""

import shutil
from collections.abc import Callable
from pathlib import Path

from e2e.lab import cache, debian, image_archive
from e2e.lab.shell import run

PAUSE = "lab.local/pause:1"
BUSYBOX = "lab.local/busybox:1"
PYTHON_BASE = "localhost/python-base:1"

_SOURCES = Path(__file__).parent / "images"
_BUSYBOX = Path("/bin/busybox")
_PYTHON_PACKAGES = (
    *("python3", "python3-venv"),
    # What the Dockerfile needs besides Python, and what the machine of the kernel checks needs.
    *("base-files", "coreutils", "dash", "findutils", "mount", "tar"),
)


def build_pause() -> Path:
    """Return the archive of the pause image, which holds a pod's namespaces."""
    return _archive("pause", [_SOURCES / "pause.c"], _build_pause, "the C compiler")


def build_busybox() -> Path:
    """Return the archive of the image with busybox and `hog`."""
    return _archive("busybox", [_SOURCES / "hog.c"], _build_busybox, "the C compiler")


def build_python_base() -> Path:
    """Return the archive of the product image's base image."""
    inputs: list[cache.Input] = [debian.release(), *_PYTHON_PACKAGES]
    return _archive("python-base", inputs, _build_python_base, "Debian packages, about 10 s")


def _archive(
    name: str, inputs: list[cache.Input], build: Callable[[Path], None], waits_for: str
) -> Path:
    packer = Path(image_archive.__file__)
    return cache.artifact(f"image-{name}", [*inputs, packer], build, waits_for)


def _build_pause(archive: Path) -> None:
    tree = _scratch(archive)
    _compile("pause", tree / "pause")
    _pack_tree(tree, PAUSE, ["/pause"], archive)


def _build_busybox(archive: Path) -> None:
    tree = _scratch(archive)
    for folder in ("bin", "tmp", "etc"):
        (tree / folder).mkdir()
    shutil.copy(_BUSYBOX, tree / "bin")
    for applet in run(_BUSYBOX, "--list").split():
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    _compile("hog", tree / "bin" / "hog")
    _pack_tree(tree, BUSYBOX, ["/bin/sh"], archive)


def _build_python_base(archive: Path) -> None:
    layer = archive.with_name(f"{archive.name}.tar")
    debian.collect(layer, _PYTHON_PACKAGES)
    image_archive.pack(layer, PYTHON_BASE, ["python3"], archive)
    layer.unlink()


def _scratch(archive: Path) -> Path:
    tree = archive.with_name(f"{archive.name}.tree")
    cache.remove(tree)
    tree.mkdir(parents=True)
    return tree


def _compile(name: str, output: Path) -> None:
    run("gcc", "-O2", "-static", "-o", output, _SOURCES / f"{name}.c")


def _pack_tree(tree: Path, reference: str, command: list[str], archive: Path) -> None:
    layer = archive.with_name(f"{archive.name}.tar")
    image_archive.pack_folder(tree, layer)
    image_archive.pack(layer, reference, command, archive)
    layer.unlink()
    cache.remove(tree)
