"""The kernel program of User-Mode Linux, built from the newest suitable Debian source.

Linux 7.0 is the first version whose ARCH=um has SMP, which CPUSETS needs, which the kubelet needs.
Debian's own user-mode-linux package lacks both, and PSI.
"""

import os
import time
from pathlib import Path

from e2e.lab import cache, debian, suites
from e2e.lab.errors import LabError
from e2e.lab.shell import run
from e2e.lab.suites import Package

_HERE = Path(__file__).parent
_CONFIG, _CLOCK = _HERE / "uml.config", _HERE / "sched_clock.c"
_SOURCE = r"linux-source-(7|8|9)\.\d+"
_COMPILER = ("bc", "bison", "flex", "gcc", "m4", "make", "perl", "xz-utils")
_NAME = "uml-kernel"
_RETRY_SECONDS = 86400.0
_TRIED = 2
_SOME_VERSIONS = "# In some versions only:"
# Half of the tree, of which nothing is compiled; only its Kconfig files are read.
_LEFT_OUT = [f"--exclude=*/{folder}/*.{end}" for folder in ("drivers/gpu", "sound") for end in "ch"]
_WAITS_FOR = "Debian's kernel source and the C compiler, about 5 min the first time"


def is_built() -> bool:
    """Return whether the kernel program is built."""
    return _path().exists()


def build() -> Path:
    """Return the path of the kernel program, and build it first if it is missing.

    An interrupted build resumes. A failed one is retried after a day.

    Raises:
        LabError: It could not be built from any of Debian's sources.
    """
    if not is_built():
        _raise_recent_failure()
    return cache.artifact(_NAME, inputs(), _build, _WAITS_FOR) / "linux"


def inputs() -> list[cache.Input]:
    """Return what the kernel program depends on."""
    # The version is no input: what was built once is used until the recipe changes.
    return [_CONFIG, _CLOCK, _SOURCE]


def _path() -> Path:
    return cache.artifact_path(_NAME, inputs())


def _failure() -> Path:
    return _path().with_suffix(".failed")


def _raise_recent_failure() -> None:
    failure = _failure()
    if failure.exists() and time.time() - failure.stat().st_mtime < _RETRY_SECONDS:
        reason = failure.read_text(encoding="utf-8")
        raise LabError(f"{reason} Remove {failure} to try again before tomorrow.")


def _build(folder: Path) -> None:
    _raise_recent_failure()  # of the run that held the lock before
    if missing := debian.missing_packages(_COMPILER):
        debian.install(missing)
    obstacles = []
    for source in _sources():
        try:
            program = _compile(source)
        except LabError as problem:
            obstacles.append(f"{source} is unsuitable: {problem}")
            continue
        folder.mkdir()
        run("cp", program, folder / "linux")
        (folder / "source").write_text(f"{source}\n", encoding="utf-8")
        cache.remove(_work_folder())
        return
    reason = " ".join(obstacles) or "No Debian suite has the source of Linux 7.0 or newer."
    _failure().write_text(reason, encoding="utf-8")
    raise LabError(reason)


def _sources() -> list[Package]:
    """Return the newest source package of each of the newest kernels."""
    newest = {package.name: package for package in reversed(suites.candidates(_SOURCE))}
    return list(reversed(newest.values()))[:_TRIED]


def _compile(source: Package) -> Path:
    tree = _tree(source)
    if tree.exists():
        try:
            return _make(tree)
        except LabError:
            # A killed compiler can leave half a file that looks complete to make.
            cache.remove(tree)
    _unpack(source, tree)
    return _make(tree)


def _make(tree: Path) -> Path:
    options = ("make", "-s", "-C", tree, "ARCH=um")
    if not (tree / ".config").exists():
        run(*options, f"KCONFIG_ALLCONFIG={_CONFIG}", "allnoconfig")
    config = (tree / ".config").read_text(encoding="utf-8")
    if lacking := missing_options(_CONFIG.read_text(encoding="utf-8"), config):
        raise LabError(f"it lacks {', '.join(lacking)}.")
    run(*options, f"-j{len(os.sched_getaffinity(0))}", "linux")
    return tree / "linux"


def missing_options(wanted: str, config: str) -> list[str]:
    """Return the options that every version must have and a configuration lacks."""
    every_version, _, _ = wanted.partition(_SOME_VERSIONS)
    options = [line for line in every_version.splitlines() if line.startswith("CONFIG_")]
    return sorted({line.partition("=")[0] for line in set(options) - set(config.splitlines())})


def _tree(source: Package) -> Path:
    """Return the path of the source tree, which exists only when it is complete."""
    return _work_folder() / source.version


def _unpack(source: Package, tree: Path) -> None:
    partial = _work_folder() / "partial"
    cache.remove(partial)
    suites.unpack(source, partial / "package")
    (archive,) = (partial / "package/usr/src").glob("linux-source-*.tar.xz")
    run("tar", "--extract", "--strip-components=1", *_LEFT_OUT, "--file", archive, cwd=partial)
    cache.remove(partial / "package")
    with (partial / "arch/um/kernel/time.c").open("a", encoding="utf-8") as clock:
        clock.write(_CLOCK.read_text(encoding="utf-8"))
    partial.rename(tree)


def _work_folder() -> Path:
    return _path().with_name(f"{_path().name}.work")
