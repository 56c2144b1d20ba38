"""How the lab compiles Go programs: as quickly as it can, as nobody debugs them here."""

import os
from collections.abc import Sequence
from pathlib import Path

from e2e.lab import cache, versions
from e2e.lab.memory import available_here
from e2e.lab.shell import run

# Without debug information, and with functions inlined in Go's own library alone, programs
# compile in 70 percent of the time.
_QUICK = ("-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")
# MiB; what the linker of the largest program needs.
_LEAST_SHARE = 2048


def compile_programs(module: Path, packages: Sequence[str], folder: Path) -> None:
    """Compiles commands into a new folder, each under the name that Go gives it.

    One compilation at a time: each takes all cores, and two at a time compile twice what they
    have in common.

    Args:
        module: The folder with the go.mod that they are built with.
        packages: The commands.
        folder: Where to put them.
    """
    # Beside the result: a killed compiler's files are removed by the next build.
    scratch = folder.with_name(f"{folder.name}.scratch")
    folder.mkdir()
    scratch.mkdir()
    # As many compilers as cores, each on one: cheaper than compilers that share their work.
    cores = len(os.sched_getaffinity(0))
    go = ("go", "build", "-p", str(cores), "-trimpath", *_QUICK, "-ldflags", _linker_flags())
    env = {**environment(), "GOMAXPROCS": "1", "GOTMPDIR": str(scratch)}
    with cache.locked("compiler", "compile"):
        env |= compiler_memory(available_here(), cores)
        run(*go, "-o", folder, *packages, cwd=module, env=env)
    cache.remove(scratch)


def inputs() -> list[str]:
    """Lists what a program depends on beside its source."""
    return [*_QUICK, _linker_flags()]


def environment() -> dict[str, str]:
    """Returns the Go client's environment."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def _linker_flags() -> str:
    # Without the version the kubelet reports v0.0.0 and the API server refuses its features.
    version = versions.KUBERNETES
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/component-base/version.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return " ".join(("-s -w", *(f"-X {key}={value}" for key, value in values.items())))


def compiler_memory(available: int, cores: int) -> dict[str, str]:
    """Returns the settings with which compilers collect garbage only where memory gets scarce.

    They are Go programs as well, and spend a tenth of their time on that otherwise.

    Args:
        available: The machine's available memory, in MiB.
        cores: As many compilers run at a time.
    """
    share = available // cores
    if share < _LEAST_SHARE:
        return {}
    return {"GOGC": "off", "GOMEMLIMIT": f"{share * 3 // 4}MiB"}
