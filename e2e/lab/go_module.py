"""One Go module for many programs of other modules, which so share what they have in common.

Go takes the highest version that any of them asks for (minimal version selection). So a program
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


@dataclass(frozen=True)
class Pinned:
    """A module whose version the lab chooses."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.path} {self.version}"


_KUBERNETES = Pinned("k8s.io/kubernetes", versions.KUBERNETES)
PINNED = (
    _KUBERNETES,
    Pinned("go.etcd.io/etcd/server/v3", versions.ETCD),
    Pinned("github.com/containerd/containerd/v2", versions.CONTAINERD),
    Pinned("github.com/containernetworking/plugins", versions.CNI_PLUGINS),
    Pinned("helm.sh/helm/v4", versions.HELM),
    Pinned("sigs.k8s.io/kind", versions.KIND),
)


def download(packages: Sequence[str]) -> None:
    """Downloads the source that commands of the locked module are made of."""
    run("go", "list", "-mod=readonly", "-deps", *packages, cwd=LOCKED, env=environment())


def resolved(name: str, packages: Sequence[str]) -> Path:
    """Returns a folder with the go.mod and go.sum of commands that have no locked module.

    Args:
        name: What they are.
        packages: The commands.
    """

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        write_module(folder, packages)

    return cache.artifact(f"module-{name}", inputs(packages), write, "the Go module proxy")


def inputs(packages: Sequence[str]) -> list[cache.Input]:
    """Lists what a module with the commands depends on."""
    return [*packages, *map(str, _pinned(packages))]


def write_module(folder: Path, packages: Sequence[str]) -> None:
    """Writes the go.mod and go.sum with which commands are built, and downloads their source.

    Args:
        folder: Where to write them.
        packages: The commands.
    """
    pinned, env = _pinned(packages), environment()
    upstream = _upstream(folder, env) if _KUBERNETES in pinned else {}
    text = module_text(upstream, pinned, packages)
    (folder / "go.mod").write_text(text, encoding="utf-8")
    (folder / "go.sum").unlink(missing_ok=True)
    # Unlike `go mod tidy` it leaves out what only tests of the packages need.
    run("go", "list", "-mod=mod", "-deps", "tool", cwd=folder, env=env)


def _pinned(packages: Sequence[str]) -> list[Pinned]:
    return [one for one in PINNED if any(package.startswith(one.path) for package in packages)]


def _upstream(folder: Path, env: Mapping[str, str]) -> Mapping[str, Any]:
    source = run("go", "mod", "download", "-json", str(_KUBERNETES).replace(" ", "@"), env=env)
    described = run("go", "mod", "edit", "-json", json.loads(source)["GoMod"], cwd=folder, env=env)
    return dict(json.loads(described))


def module_text(
    upstream: Mapping[str, Any], pinned: Sequence[Pinned], packages: Sequence[str]
) -> str:
    """Returns a go.mod that depends on the pinned modules from outside of their trees.

    Args:
        upstream: Kubernetes' own go.mod as `go mod edit -json` prints it, or nothing. It replaces
            its staging modules by folders of its tree; here they become the published ones.
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
