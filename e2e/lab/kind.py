"""Clusters made by kind, where a Docker engine answers and its host has cgroup v2.

Not tested by the authors: their machine has no Docker engine.
"""

from pathlib import Path

from e2e.lab import base_images, cache, product_image, tools
from e2e.lab.product_image import REPOSITORY, ImageRef
from e2e.lab.progress import step
from e2e.lab.shell import run, succeeds

_CONFIG = REPOSITORY / "e2e" / "kind.yaml"
_BUSYBOX = Path(__file__).parent / "images" / "busybox.Dockerfile"


def is_possible() -> bool:
    """Return whether a Docker engine answers and uses cgroup v2."""
    query = ("docker", "info", "--format", "{{.CgroupVersion}}")
    return succeeds(*query) and run(*query).strip() == "2"


def up(name: str) -> Path:
    """Start kind's cluster with that name, and return its kubeconfig."""
    config = cache.root() / "kind" / f"{name}.kubeconfig"
    config.parent.mkdir(parents=True, exist_ok=True)
    kind = _program()
    with cache.locked(f"kind-{name}", f"kind cluster {name}"):
        if _cluster(name) not in run(kind, "get", "clusters").split():
            with step("create the cluster", "kind, about 1 min"):
                create = ("create", "cluster", "--name", _cluster(name), "--config", _CONFIG)
                run(kind, *create, "--kubeconfig", config, "--wait", "5m")
        run("docker", "build", "--tag", base_images.BUSYBOX, "--file", _BUSYBOX, _BUSYBOX.parent)
        _load(name, base_images.BUSYBOX)
    return config


def down(name: str) -> bool:
    """Delete kind's cluster with that name, and return whether it existed."""
    kind = _program()
    was_up = _cluster(name) in run(kind, "get", "clusters").split()
    run(kind, "delete", "cluster", "--name", _cluster(name))
    return was_up


def load_image(name: str) -> ImageRef:
    """Build the image under test and copy it to the cluster's nodes."""
    image = ImageRef("oomwarden", product_image.tag())
    with step("build the image", "docker"):
        run("docker", "build", "--tag", str(image), REPOSITORY)
        _load(name, str(image))
    return image


def _load(name: str, image: str) -> None:
    run(_program(), "load", "docker-image", image, "--name", _cluster(name))


def _cluster(name: str) -> str:
    return f"oomwarden-{name}"


def _program() -> Path:
    return tools.find_or_build(tools.KIND)
