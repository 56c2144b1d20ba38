"""Kubernetes and its companions, built with the ordinary Go client from their modules."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.lab import cache, debian_programs, versions
from e2e.lab.errors import LabError
from e2e.lab.go_module import PINNED, Pinned, write_module
from e2e.lab.memory import available_here
from e2e.lab.progress import say
from e2e.lab.shell import run

COMPANIONS, NODE, CONTROL_PLANE, HELM, KIND_ONLY = (
    "companions",
    "node",
    "control-plane",
    "helm",
    "kind",
)
GROUPS = (COMPANIONS, NODE, CONTROL_PLANE)
"""What every lab is made of, in the order in which it is built: each in one go."""

_MINUTES = {COMPANIONS: 5, NODE: 5, CONTROL_PLANE: 3, HELM: 1, KIND_ONLY: 1}
_ETCD = "go.etcd.io/etcd/server/v3"
_KIND = "sigs.k8s.io/kind"
_CNI = "github.com/containernetworking/plugins/plugins"
_PACKAGES = {
    COMPANIONS: (
        _ETCD,
        "k8s.io/kubernetes/cmd/kubectl",
        "github.com/containerd/containerd/v2/cmd/containerd",
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
        "github.com/containerd/containerd/v2/cmd/ctr",
        f"{_CNI}/main/bridge",
        f"{_CNI}/main/loopback",
        f"{_CNI}/ipam/host-local",
    ),
    NODE: ("k8s.io/kubernetes/cmd/kubelet",),
    CONTROL_PLANE: (
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-scheduler",
    ),
    HELM: ("helm.sh/helm/v4/cmd/helm",),
    KIND_ONLY: (_KIND,),
}
_NAMES = {_ETCD: "etcd"}
_MODULES = {COMPANIONS: COMPANIONS, KIND_ONLY: KIND_ONLY}
"""Groups whose modules nothing else needs."""
# Nobody debugs these programs here, and they mostly wait: without debug information, and with
# functions inlined in Go's own library alone, they are compiled in two thirds of the time.
_QUICK = ("-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")
# MiB; what the linker of the largest program needs.
_LEAST_SHARE = 2048


@dataclass(frozen=True)
class Program:
    """One program of a Go module."""

    name: str
    package: str
    group: str


def _program(package: str, group: str) -> Program:
    return Program(_NAMES.get(package, package.rpartition("/")[2]), package, group)


_ALL = [_program(one, group) for group, packages in _PACKAGES.items() for one in packages]
PROGRAMS: Mapping[str, Program] = {one.name: one for one in _ALL if one.group != KIND_ONLY}
KIND = _program(_KIND, KIND_ONLY)


@dataclass(frozen=True)
class Tools:
    """Where the built programs are."""

    paths: Mapping[str, Path] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]

    def stamp(self) -> str:
        return cache.stamp(*(str(path) for path in self.paths.values()))


def groups(*, helm: bool) -> list[str]:
    """Lists what a lab is made of.

    Args:
        helm: Whether with it.
    """
    return [*GROUPS, *([HELM] if helm else [])]


def missing(groups: Iterable[str]) -> bool:
    """Tells whether a program is not compiled yet that always is."""
    return not all(_is_built(group) for group in groups if group != COMPANIONS)


def download(groups: Iterable[str]) -> None:
    """Downloads the source of those groups that are not compiled yet."""
    for group in groups:
        if not _is_built(group):
            _resolve(group)


def _is_built(group: str) -> bool:
    return cache.artifact_path(f"bin-{group}", _inputs(group)).exists()


def build(group: str) -> Tools:
    """Builds the programs of one group, unless they are there already.

    Compilers of all groups share the cores, and most packages serve several groups: one group
    after the other takes no longer, and has the first one ready sooner.
    """
    if group == COMPANIONS:
        try:
            return Tools(debian_programs.build())
        except LabError as obstacle:
            say(f"The lab compiles {', '.join(one.name for one in _of(group))}: {obstacle}")
    return _compiled(group)


def _compiled(group: str) -> Tools:
    programs = _of(group)
    if not _is_built(group):
        # Here, as a build of its own: what waits for it would say that it waits for the compiler.
        _resolve(group)

    def compile_them(folder: Path) -> None:
        # Beside the result: a killed compiler's files are removed by the next build.
        scratch = folder.with_name(f"{folder.name}.scratch")
        folder.mkdir()
        scratch.mkdir()
        packages = [one.package for one in programs]
        # Without the version the kubelet reports v0.0.0 and the API server refuses its features.
        flags = f"-s -w {_kubernetes_version()}"
        go = ("go", "build", "-trimpath", *_QUICK, "-ldflags", flags)
        env = {**_environment(), **_compiler_memory(), "GOTMPDIR": str(scratch)}
        run(*go, "-o", folder, *packages, cwd=_resolve(group), env=env)
        cache.remove(scratch)
        for one in programs:
            (folder / file_name(one.package)).rename(folder / one.name)

    waits_for = f"the Go compiler, about {_MINUTES[group]} min the first time"
    folder = cache.artifact(f"bin-{group}", _inputs(group), compile_them, waits_for)
    return Tools({one.name: folder / one.name for one in programs})


def joined(parts: Iterable[Tools]) -> Tools:
    """Returns the programs of several groups as one."""
    return Tools({name: path for one in parts for name, path in one.paths.items()})


def find_or_build(program: Program) -> Path:
    """Returns the user's own program of that name, or builds it."""
    found = shutil.which(program.name)
    return Path(found) if found else build(program.group)[program.name]


def _resolve(group: str) -> Path:
    """Returns a folder with the go.mod and go.sum that resolve a group's modules.

    Kubernetes and helm share one: what they have in common, e.g. their API client and gRPC, is
    downloaded once and compiled once.
    """
    programs = _module(group)
    packages = [one.package for one in programs]

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        write_module(folder, _pinned(packages), packages, _environment())

    return cache.artifact(
        f"module-{_MODULES.get(group, 'lab')}", _module_inputs(group), write, "the Go module proxy"
    )


def _of(group: str) -> list[Program]:
    return [one for one in _ALL if one.group == group]


def _module(group: str) -> list[Program]:
    return [one for one in _ALL if _MODULES.get(one.group) == _MODULES.get(group)]


def _pinned(packages: Iterable[str]) -> list[Pinned]:
    packages = list(packages)
    return [one for one in PINNED if any(package.startswith(one.path) for package in packages)]


def _module_inputs(group: str) -> list[str]:
    packages = [one.package for one in _module(group)]
    return [*packages, *(str(one) for one in _pinned(packages))]


def _inputs(group: str) -> list[str]:
    packages = [one.package for one in _of(group)]
    return [*_module_inputs(group), *packages, _kubernetes_version(), *_QUICK]


def file_name(package: str) -> str:
    """Returns how Go names a program: after its folder, but not after a major version's."""
    *_, folder, last = package.split("/")
    return folder if last[0] == "v" and last[1:].isdigit() else last


def _kubernetes_version() -> str:
    version = versions.KUBERNETES
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/component-base/version.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return " ".join(f"-X {key}={value}" for key, value in values.items())


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def _compiler_memory() -> dict[str, str]:
    return compiler_memory(available_here(), os.cpu_count() or 1)


def compiler_memory(available: int, cores: int) -> dict[str, str]:
    """Returns the settings with which compilers collect garbage only where memory gets scarce.

    They are Go programs as well, and spend a third of their time on that otherwise.

    Args:
        available: The machine's available memory, in MiB.
        cores: As many compilers run at a time.
    """
    share = available // cores
    if share < _LEAST_SHARE:
        return {}
    return {"GOGC": "off", "GOMEMLIMIT": f"{share * 3 // 4}MiB"}
