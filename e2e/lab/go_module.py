"""One Go module for programs of several modules, so that they share common dependencies.

Go selects the highest version that any of them requires (minimal version selection). So a program
may be linked with newer libraries than in its own release: mostly patch releases of gRPC,
OpenTelemetry and golang.org/x. Kubernetes' published libraries stay at Kubernetes' version.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.lab import cache, versions
from e2e.lab.go_build import environment
from e2e.lab.shell import run

LOCKED = Path(__file__).parent / "go"
"""The module of Kubernetes and Helm: `make lock` resolves it."""
LOCKED_CHECKS = Path(__file__).parent / "go_checks"
"""The module of the programs that check workflows, manifests and the plugin, likewise."""


@dataclass(frozen=True)
class PinnedModule:
    """A module whose version the lab pins."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.path} {self.version}"


_KUBERNETES = PinnedModule("k8s.io/kubernetes", versions.KUBERNETES)
PINNED = (
    _KUBERNETES,
    PinnedModule("go.etcd.io/etcd/server/v3", versions.ETCD),
    PinnedModule("github.com/containerd/containerd/v2", versions.CONTAINERD),
    PinnedModule("github.com/containernetworking/plugins", versions.CNI_PLUGINS),
    PinnedModule("helm.sh/helm/v4", versions.HELM),
    PinnedModule("sigs.k8s.io/kind", versions.KIND),
    PinnedModule("github.com/rhysd/actionlint", versions.ACTIONLINT),
    PinnedModule("github.com/yannh/kubeconform", versions.KUBECONFORM),
    PinnedModule("sigs.k8s.io/krew", versions.KREW),
)


def download(packages: Sequence[str]) -> None:
    """Download the source of commands of the locked module."""
    run("go", "list", "-mod=readonly", "-deps", *packages, cwd=LOCKED, env=environment())


def resolved(name: str, packages: Sequence[str]) -> Path:
    """Return a folder with the go.mod and go.sum of commands outside the locked module.

    Args:
        name: The name of the artifact.
        packages: The commands.
    """

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        write_module(folder, packages)

    return cache.artifact(f"module-{name}", inputs(packages), write, "the Go module proxy")


def inputs(packages: Sequence[str]) -> list[cache.Input]:
    """Return what a module with the commands depends on."""
    return [*packages, *map(str, _pinned(packages))]


def write_module(folder: Path, packages: Sequence[str]) -> None:
    """Write the go.mod and go.sum to build commands with, and download their source.

    Args:
        folder: Where to write them.
        packages: The commands.
    """
    pinned, env = _pinned(packages), environment()
    upstream = _upstream(folder, env) if _KUBERNETES in pinned else {}
    text = module_text(upstream, pinned, packages)
    (folder / "go.mod").write_text(text, encoding="utf-8")
    (folder / "go.sum").unlink(missing_ok=True)
    # Unlike `go mod tidy`, this leaves out what only tests of the packages need.
    run("go", "list", "-mod=mod", "-deps", "tool", cwd=folder, env=env)


def _pinned(packages: Sequence[str]) -> list[PinnedModule]:
    return [one for one in PINNED if any(package.startswith(one.path) for package in packages)]


def _upstream(folder: Path, env: Mapping[str, str]) -> Mapping[str, Any]:
    source = run("go", "mod", "download", "-json", str(_KUBERNETES).replace(" ", "@"), env=env)
    described = run("go", "mod", "edit", "-json", json.loads(source)["GoMod"], cwd=folder, env=env)
    return dict(json.loads(described))


def module_text(
    upstream: Mapping[str, Any], pinned: Sequence[PinnedModule], packages: Sequence[str]
) -> str:
    """Return a go.mod that depends on the pinned modules from outside their trees.

    Args:
        upstream: Kubernetes' own go.mod as `go mod edit -json` prints it, or empty. It replaces the
            staging modules with folders of its tree; here the published modules replace them.
        pinned: The modules that the packages belong to.
        packages: The commands to build.
    """
    replaced = [entry["Old"]["Path"] for entry in upstream.get("Replace") or []]
    godebug = [f"godebug {one['Key']}={one['Value']}" for one in upstream.get("Godebug") or []]
    staging = versions.kubernetes_staging()
    oldest = ".".join(map(str, versions.GO_MINIMUM))
    lines = [
        "module lab",
        f"go {upstream.get('Go', oldest)}",
        *godebug,
        *(f"tool {package}" for package in packages),
        *(f"require {one}" for one in pinned),
        *(f"replace {path} => {path} {staging}" for path in replaced),
    ]
    return "\n".join(lines) + "\n"
