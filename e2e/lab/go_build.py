"""How the lab compiles Go programs: quickly, as no one debugs them here."""

import os
from collections.abc import Sequence
from pathlib import Path

from e2e.lab import cache, versions
from e2e.lab.memory import available_here
from e2e.lab.shell import run

# Without debug information, and with inlining only in Go's own library, compilation takes
# 70 percent of the time.
_QUICK = ("-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")
# MiB that the linker of the largest program needs.
_LEAST_SHARE = 2048


def compile_programs(module: Path, packages: Sequence[str], folder: Path) -> None:
    """Compile commands into a new folder, each under the name that Go gives it.

    Only one compilation runs at a time: each uses all cores, and two at the same time would compile
    their common packages twice.

    Args:
        module: The folder with the go.mod to build with.
        packages: The commands.
        folder: Where to put the programs.
    """
    # Next to the result, so that the next build removes the files of a killed compiler.
    scratch = folder.with_name(f"{folder.name}.scratch")
    folder.mkdir()
    scratch.mkdir()
    # One single-threaded compiler per core is cheaper than compilers that share their work.
    cores = len(os.sched_getaffinity(0))
    go = ("go", "build", "-p", str(cores), "-trimpath", *_QUICK, "-ldflags", _linker_flags())
    env = {**environment(), "GOMAXPROCS": "1", "GOTMPDIR": str(scratch)}
    with cache.locked("compiler", "compile"):
        env |= compiler_memory(available_here(), cores)
        run(*go, "-o", folder, *packages, cwd=module, env=env)
    cache.remove(scratch)


def inputs() -> list[str]:
    """Return what a program depends on besides its source."""
    return [*_QUICK, _linker_flags()]


def environment() -> dict[str, str]:
    """Return the environment of the `go` command."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def _linker_flags() -> str:
    # Without it, the kubelet reports v0.0.0 and the API server refuses its features.
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
    """Return settings that let compilers collect garbage only when memory gets scarce.

    They are Go programs too, and otherwise spend a tenth of their time on it.

    Args:
        available: The machine's available memory, in MiB.
        cores: The number of compilers that run at the same time.
    """
    share = available // cores
    if share < _LEAST_SHARE:
        return {}
    return {"GOGC": "off", "GOMEMLIMIT": f"{share * 3 // 4}MiB"}
