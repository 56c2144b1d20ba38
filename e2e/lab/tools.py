"""Kubernetes and its companions, built with the ordinary Go client from their modules."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.lab import cache, versions
from e2e.lab.shell import run

_KUBERNETES_COMMANDS = (
    "kubectl",
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
)


@dataclass(frozen=True)
class Program:
    """One program of a Go module."""

    name: str
    module: str
    package: str
    version: str
    minutes: int = 1
    ldflags: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.module, self.package, self.version, self.ldflags)


def _kubernetes_ldflags() -> str:
    version = versions.KUBERNETES
    major, minor, _ = version.removeprefix("v").split(".")
    values = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/component-base/version.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    # Without them the kubelet reports v0.0.0 and the API server refuses its features.
    return " ".join(f"-X {key}={value}" for key, value in values.items())


def _programs() -> dict[str, Program]:
    flags = _kubernetes_ldflags()
    minutes = {"kubelet": 4, "kubectl": 2, "kube-apiserver": 2}
    all_programs = [
        Program(
            name,
            "k8s.io/kubernetes",
            f"k8s.io/kubernetes/cmd/{name}",
            versions.KUBERNETES,
            minutes.get(name, 1),
            flags,
        )
        for name in _KUBERNETES_COMMANDS
    ]
    etcd = "go.etcd.io/etcd/server/v3"
    all_programs.append(Program("etcd", etcd, etcd, versions.ETCD))
    containerd = "github.com/containerd/containerd/v2"
    for name in ("containerd", "containerd-shim-runc-v2", "ctr"):
        package = f"{containerd}/cmd/{name}"
        all_programs.append(Program(name, containerd, package, versions.CONTAINERD))
    cni = "github.com/containernetworking/plugins"
    for package in ("main/bridge", "main/loopback", "ipam/host-local"):
        name = package.partition("/")[2]
        all_programs.append(Program(name, cni, f"{cni}/plugins/{package}", versions.CNI_PLUGINS))
    helm = "helm.sh/helm/v4"
    all_programs.append(Program("helm", helm, f"{helm}/cmd/helm", versions.HELM, 2))
    return {program.name: program for program in all_programs}


PROGRAMS: Mapping[str, Program] = _programs()
KIND = Program("kind", "sigs.k8s.io/kind", "sigs.k8s.io/kind", versions.KIND)


@dataclass(frozen=True)
class Tools:
    """Where the built programs are."""

    paths: Mapping[str, Path] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]

    def stamp(self) -> str:
        return cache.stamp(*(str(path) for path in self.paths.values()))


def missing() -> list[str]:
    """Returns the names of programs that are not built yet."""
    return [name for name, program in PROGRAMS.items() if not _binary(program).exists()]


def build_all() -> Tools:
    """Builds what is missing, one program after the other: the compiler takes all cores itself."""
    return Tools({name: build(program) for name, program in PROGRAMS.items()})


def find_or_build(program: Program) -> Path:
    """Returns the user's own program of that name, or builds it."""
    found = shutil.which(program.name)
    return Path(found) if found else build(program)


def build(program: Program) -> Path:
    """Builds one program, unless it is there already, and returns its path."""
    if _binary(program).exists():
        return _binary(program)
    module = _scratch_module(program)

    def compile_it(output: Path) -> None:
        flags = f"-s -w {program.ldflags}"
        go = ("go", "build", "-trimpath", "-ldflags", flags, "-o", output, program.package)
        run(*go, cwd=module, env=_go_environment())

    waits_for = f"the Go compiler, about {program.minutes} min the first time"
    return cache.artifact(f"bin-{program.name}", program.inputs, compile_it, waits_for)


def _binary(program: Program) -> Path:
    return cache.artifact_path(f"bin-{program.name}", program.inputs)


def _go_environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def _scratch_module(program: Program) -> Path:
    """Returns a folder with the go.mod and go.sum that resolve the program's module."""
    siblings = [one for one in PROGRAMS.values() if one.module == program.module] or [program]
    packages = [one.package for one in siblings]

    def resolve(folder: Path) -> None:
        folder.mkdir(parents=True)
        if program.module == "k8s.io/kubernetes":
            _write_kubernetes_module(folder, packages)
        else:
            run("go", "mod", "init", "lab", cwd=folder, env=_go_environment())
            wanted = [f"{package}@{program.version}" for package in packages]
            run("go", "get", "-tool", *wanted, cwd=folder, env=_go_environment())

    name = "module-" + program.module.replace("/", "-")
    inputs = [program.version, *packages]
    return cache.artifact(name, inputs, resolve, "the Go module proxy")


def _write_kubernetes_module(folder: Path, packages: list[str]) -> None:
    wanted = f"k8s.io/kubernetes@{versions.KUBERNETES}"
    env = _go_environment()
    source = json.loads(run("go", "mod", "download", "-json", wanted, cwd=folder, env=env))
    described = run("go", "mod", "edit", "-json", Path(source["GoMod"]), cwd=folder, env=env)
    text = kubernetes_module(json.loads(described), packages)
    (folder / "go.mod").write_text(text, encoding="utf-8")
    run("go", "mod", "tidy", cwd=folder, env=env)


def kubernetes_module(upstream: Mapping[str, Any], packages: list[str]) -> str:
    """Returns a go.mod that depends on k8s.io/kubernetes from outside of its tree.

    Args:
        upstream: Its own go.mod as `go mod edit -json` prints it. It replaces its staging
            modules by folders of its tree; here they become the published ones.
        packages: The commands to build.
    """
    replaced = [entry["Old"]["Path"] for entry in upstream.get("Replace") or []]
    godebug = [f"godebug {one['Key']}={one['Value']}" for one in upstream.get("Godebug") or []]
    staging = versions.kubernetes_staging()
    lines = [
        "module lab",
        f"go {upstream['Go']}",
        *godebug,
        *(f"tool {package}" for package in packages),
        f"require k8s.io/kubernetes {versions.KUBERNETES}",
        *(f"replace {path} => {path} {staging}" for path in replaced),
    ]
    return "\n".join(lines) + "\n"
