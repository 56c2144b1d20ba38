"""Kubernetes and the programs around it, built from their Go modules."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.lab import cache, debian_programs, go_build, go_module
from e2e.lab.errors import LabError
from e2e.lab.progress import say, step

COMPANIONS, NODE, CONTROL_PLANE, HELM, KIND_ONLY, CHECKS = (
    "companions",
    "node",
    "control-plane",
    "helm",
    "kind",
    "checks",
)
GROUPS = (COMPANIONS, NODE, CONTROL_PLANE)
"""The groups of every lab; each is built by one command. Debian usually has the first one."""

_MINUTES = {COMPANIONS: 5, NODE: 5, CONTROL_PLANE: 3, HELM: 2, KIND_ONLY: 1, CHECKS: 1}
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
    CHECKS: (
        "github.com/rhysd/actionlint/cmd/actionlint",
        "github.com/yannh/kubeconform/cmd/kubeconform",
        "sigs.k8s.io/krew/cmd/krew",
        "sigs.k8s.io/krew/cmd/validate-krew-manifest",
    ),
}
_NAMES = {_ETCD: "etcd"}
LOCKED_MODULES: Mapping[Path, tuple[str, ...]] = {
    go_module.LOCKED: (NODE, CONTROL_PLANE, HELM),
    go_module.LOCKED_CHECKS: (CHECKS,),
}
"""Modules with pinned hashes, and the groups of each; these compile common packages once."""
_LOCKED = {group: module for module, groups in LOCKED_MODULES.items() for group in groups}


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
    """The paths of the built programs."""

    paths: Mapping[str, Path] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]

    def stamp(self) -> str:
        return cache.stamp(*(str(path) for path in self.paths.values()))


def groups(*, helm: bool) -> list[str]:
    """Return the groups that a lab is made of.

    Args:
        helm: Whether to include helm.
    """
    return [*GROUPS, *([HELM] if helm else [])]


def missing(groups: Iterable[str]) -> bool:
    """Return whether a group that is always compiled is not compiled yet."""
    return not all(_is_built(group) for group in groups if group != COMPANIONS)


def download(groups: Iterable[str]) -> None:
    """Download the source of the groups that are not compiled yet."""
    packages = [one for group in groups if not _is_built(group) for one in _packages(group)]
    if packages:
        with step("download source", "the Go module proxy, about 1 min"):
            go_module.download(packages)


def _is_built(group: str) -> bool:
    return cache.artifact_path(f"bin-{group}", _inputs(group)).exists()


def build(group: str) -> Tools:
    """Build the programs of one group, unless they are already built.

    All compilers share the cores, and most packages belong to several groups. So building one group
    after the other takes no longer, and the first group is ready sooner.
    """
    if group == COMPANIONS:
        try:
            return Tools(debian_programs.build())
        except LabError as obstacle:
            say(
                f"The lab compiles {', '.join(one.name for one in _programs_of(group))}: {obstacle}"
            )
    return _compiled(group)


def _compiled(group: str) -> Tools:
    programs = _programs_of(group)
    if not _is_built(group):
        # As a separate step; otherwise the progress line would name the compiler.
        _module(group)

    def compile_them(folder: Path) -> None:
        go_build.compile_programs(_module(group), _packages(group), folder)
        for one in programs:
            (folder / file_name(one.package)).rename(folder / one.name)

    waits_for = f"the Go compiler, about {_MINUTES[group]} min the first time"
    folder = cache.artifact(f"bin-{group}", _inputs(group), compile_them, waits_for)
    return Tools({one.name: folder / one.name for one in programs})


def merged(parts: Iterable[Tools]) -> Tools:
    """Return the programs of several groups in one object."""
    return Tools({name: path for one in parts for name, path in one.paths.items()})


def find_or_build(program: Program) -> Path:
    """Return the path of the user's own program with that name, or build it."""
    found = shutil.which(program.name)
    return Path(found) if found else build(program.group)[program.name]


def locked_packages(module: Path) -> list[str]:
    """Return the commands of a locked module."""
    return [package for group in LOCKED_MODULES[module] for package in _packages(group)]


def _programs_of(group: str) -> list[Program]:
    return [one for one in _ALL if one.group == group]


def _packages(group: str) -> list[str]:
    return [one.package for one in _programs_of(group)]


def _module(group: str) -> Path:
    """Return a folder with the go.mod and go.sum that a group is built with."""
    return _LOCKED.get(group) or go_module.resolved(group, _packages(group))


def _inputs(group: str) -> list[cache.Input]:
    packages = _packages(group)
    locked = _LOCKED.get(group)
    source = [locked, *packages] if locked else go_module.inputs(packages)
    return [*source, *go_build.inputs()]


def file_name(package: str) -> str:
    """Return the file name that Go gives a program: its folder's, without a major version."""
    *_, folder, last = package.split("/")
    return folder if last[0] == "v" and last[1:].isdigit() else last
