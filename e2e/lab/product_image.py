"""The image under test, built from the repository's Dockerfile without a Docker engine."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.lab import base_images, cache
from e2e.lab.errors import LabError
from e2e.lab.progress import step
from e2e.lab.shell import run, succeeds

REPOSITORY = Path(__file__).parents[2]
_DOCKERFILE = "Dockerfile"
_IGNORE = ".dockerignore"
_REPOSITORY_NAME = "lab.local/oomwarden"
_ARCHIVE = "image-oomwarden"
# Seconds. Each change of the source makes a new one; the last few help when switching branches.
_ARCHIVES_KEPT = 900.0
# vfs works on every file system, even in a container, but copies all files for each step.
_DRIVERS = ("overlay", "vfs")
# pip options with several values, which are one a line in its configuration file.
_LISTS = frozenset({"extra-index-url", "find-links", "trusted-host"})


@dataclass(frozen=True)
class ImageRef:
    """An image that the cluster's nodes can run."""

    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def tag() -> str:
    """Return the tag of this checkout's image."""
    return cache.stamp(*_context_files())


def reference() -> ImageRef:
    """Return the name of this checkout's image on the lab's nodes."""
    return ImageRef(_REPOSITORY_NAME, tag())


def build(base: Path) -> str:
    """Build the image, unless the same content was built before.

    Args:
        base: The archive of the Python base image.

    Returns:
        Its name in `storage(base)`.

    Raises:
        LabError: There is no Dockerfile, or its build failed.
    """
    if not (REPOSITORY / _DOCKERFILE).exists():
        raise LabError(f"{REPOSITORY} has no {_DOCKERFILE}: check it out again.")
    name = str(reference())
    with cache.locked("product-image", "build the image"):
        if not succeeds(*_buildah(base), "inspect", "--type", "image", name):
            with step("build the image", "buildah; pip, when the requirements changed"):
                _build(base, name)
    return name


def dependencies() -> list[Path]:
    """Return the files that determine everything in the image except its source."""
    names = (_DOCKERFILE, "requirements/runtime.txt", "requirements/build.txt")
    return [REPOSITORY / name for name in names]


@contextmanager
def mounted(base: Path, name: str) -> Iterator[Path]:
    """Mount an image's files in a folder; changes there are discarded afterwards."""
    buildah = _buildah(base)
    container = run(*buildah, "from", "--pull-never", name).strip()
    try:
        yield Path(run(*buildah, "mount", container).strip())
    finally:
        run(*buildah, "rm", container)


def archive(base: Path) -> Path:
    """Return the image's archive, and build the image first if it is missing.

    Args:
        base: The archive of the Python base image.
    """
    name = str(reference())
    if not cache.artifact_path(_ARCHIVE, [f"{base}", name]).exists():
        build(base)

    def export(path: Path) -> None:
        # Uncompressed: it never leaves this machine, and decompression would take longer.
        run(*_buildah(base), "push", "--quiet", name, f"docker-archive:{path}:{name}")

    return cache.artifact(_ARCHIVE, [f"{base}", name], export, "buildah", _ARCHIVES_KEPT)


def _build(base: Path, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as scratch, _context() as context:
        run(
            *_buildah(base),
            *("build", "--isolation", "chroot", "--layers", "--pull=never"),
            *("--build-arg", f"BASE={base_images.PYTHON_BASE}"),
            *pip_volumes(os.environ, Path(scratch)),
            *("--tag", name, context),
        )


def _buildah(base: Path) -> list[str]:
    folder = storage(base)
    (driver,) = [name for name in _DRIVERS if (folder / name).exists()]
    return _buildah_with(folder, driver)


def _buildah_with(folder: Path, driver: str) -> list[str]:
    places = ("--root", f"{folder}", "--runroot", f"{folder}.run")
    return ["buildah", *places, "--storage-driver", driver]


def storage(base: Path) -> Path:
    """Return the folder of buildah's images, which initially contains the base image."""

    def pull(folder: Path) -> None:
        for driver in _DRIVERS:
            buildah = _buildah_with(folder, driver)
            if succeeds(*buildah, "pull", "--quiet", f"docker-archive:{base}"):
                break
            cache.remove(folder)
        else:
            raise LabError(f"buildah cannot store images in {folder}: set OOMWARDEN_CACHE.")
        cache.remove(Path(f"{folder}.run"))

    return cache.artifact("buildah", [str(base)], pull, "buildah to import the base image")


@contextmanager
def _context() -> Iterator[Path]:
    """Copy exactly the files that the tag is a hash of."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    with tempfile.TemporaryDirectory(prefix="oomwarden-") as folder:
        for path in _context_files():
            target = Path(folder) / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, ignore=ignored)
            else:
                shutil.copyfile(path, target)
        yield Path(folder)


def _context_files() -> list[Path]:
    text = (REPOSITORY / _IGNORE).read_text(encoding="utf-8")
    return [REPOSITORY / name for name in (_DOCKERFILE, _IGNORE, *included_paths(text))]


def included_paths(ignore_file: str) -> list[str]:
    """Return the paths that a .dockerignore re-includes after ignoring everything."""
    return [line[1:] for line in ignore_file.splitlines() if line.startswith("!")]


def pip_volumes(environment: Mapping[str, str], scratch: Path) -> list[str]:
    """Return buildah's options that apply this machine's pip settings in the build.

    The settings are mounted, because variables would stay in the image.

    Args:
        environment: The `PIP_*` variables; files and folders that they name are mounted too.
        scratch: A folder for pip's configuration file, which must exist until the build ends.
    """
    settings = {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith("PIP_") and value
    }
    config = scratch / "pip.conf"
    lines = [f"{key} = {_pip_value(key, value)}" for key, value in sorted(settings.items())]
    config.write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    mounts = [f"{config}:/etc/pip.conf:ro"]
    named = {word for value in settings.values() for word in value.split()}
    mounts += [f"{path}:{path}:ro" for path in sorted(named) if _is_local(path)]
    return [word for mount in mounts for word in ("--volume", mount)]


def _pip_value(key: str, value: str) -> str:
    return "".join(f"\n  {word}" for word in value.split()) if key in _LISTS else value


def _is_local(word: str) -> bool:
    return word.startswith("/") and Path(word).exists()
