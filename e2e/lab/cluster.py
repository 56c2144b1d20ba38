"""One cluster, provided by the lab, by kind or by the user."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from e2e.lab import (
    base_images,
    instance,
    kind,
    lab,
    postgres_image,
    preflight,
    product_image,
    tools,
)
from e2e.lab.errors import LabError
from e2e.lab.instance import Instance, Options
from e2e.lab.product_image import ImageRef
from e2e.lab.shell import run

# State of the lab's node when `open_cluster` returns. Other clusters always have nodes.
NodeNeed: TypeAlias = Literal["is ready", "boots", "is absent"]


@dataclass(frozen=True)
class Cluster:
    """A cluster to send requests to and to run the image under test on.

    Attributes:
        kubeconfig: The file for kubectl, helm and API clients, with admin rights.
        busybox_image: An image with busybox and `hog N`, which allocates N MiB and waits.
        programs: The paths of kubectl and helm.
    """

    kubeconfig: Path
    busybox_image: str
    programs: dict[str, Path]
    _load_image: Callable[[], ImageRef] = field(repr=False)
    _load_postgres: Callable[[], str] = field(repr=False)

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl and return its output.

        Raises:
            CommandError: It failed.
        """
        return run(self.programs["kubectl"], *arguments, env=self.environment(), stdin=stdin)

    def apply(self, manifest: Mapping[str, object]) -> None:
        """Apply one object as a user does.

        Raises:
            CommandError: The API server refused it.
        """
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))

    def helm(self, *arguments: str | Path) -> str:
        """Run helm and return its output.

        Raises:
            CommandError: It failed.
        """
        return run(self.helm_program(), *arguments, env=self.environment())

    def helm_program(self) -> Path:
        """Return the path of helm, and build it first for a lab that was started without it."""
        helm = self.programs["helm"]
        return helm if helm.exists() else tools.find_or_build(tools.PROGRAMS["helm"])

    def environment(self) -> dict[str, str]:
        """Return the environment for programs that connect to this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def build_and_load_image(self) -> ImageRef:
        """Make the image under test available on the nodes; quick if nothing has changed."""
        return self._load_image()

    def postgres_image(self) -> str:
        """Return an image that the nodes can run, with PostgreSQL in /usr/lib/postgresql."""
        return self._load_postgres()


def open_cluster(
    name: str = "test",
    options: Options | None = None,
    *,
    own_only: bool = False,
    node: NodeNeed = "is ready",
    may_build_kernel: bool = True,
) -> Cluster:
    """Return a cluster to work on, and start it if needed.

    A cluster that `KUBECONFIG` names is used as it is. Otherwise kind creates one if a Docker
    engine with cgroup v2 answers. Otherwise the lab does.

    Args:
        name: Distinguishes the clusters of kind and the lab, e.g. `demo` and `test`.
        options: Settings of the lab's node.
        own_only: Never use the cluster that `KUBECONFIG` names.
        node: State of the lab's node on return; `is absent` if only an API server is needed.
        may_build_kernel: Whether to wait for a build of User-Mode Linux, where that is possible.

    Raises:
        LabError: The cluster cannot be had; the message names the remedy.
    """
    config = None if own_only else os.environ.get("KUBECONFIG")
    if config:
        return _user_cluster(Path(config))
    if kind.is_possible():
        return _kind_cluster(name)
    return _lab_cluster(name, options or Options(), node, may_build_kernel=may_build_kernel)


def _lab_cluster(name: str, options: Options, node: NodeNeed, *, may_build_kernel: bool) -> Cluster:
    preflight.check_machine()
    one = instance.find(name)
    if node == "is absent":
        lab.up_without_node(one)
    else:
        wait = node == "is ready"
        lab.up(one, options, wait_for_node=wait, may_build_kernel=may_build_kernel)
    return _connect_to_lab(one)


def _connect_to_lab(one: Instance) -> Cluster:
    def image() -> ImageRef:
        product = product_image.reference()
        if one.running_state().get("product") != str(product):
            raise _missing_from_lab(one, f"the image of this checkout, {product},", "")
        return product

    def postgres() -> str:
        if not one.running_state().get("postgres"):
            raise _missing_from_lab(one, "the image with PostgreSQL", " --postgres")
        return postgres_image.REFERENCE

    programs = {name: one.bin / name for name in ("kubectl", "helm")}
    return Cluster(one.kubeconfig, base_images.BUSYBOX, programs, image, postgres)


def _missing_from_lab(one: Instance, what: str, option: str) -> LabError:
    return LabError(
        f"Lab {one.name} runs without {what} which it gets only when it starts: start it again"
        f" with `python3 -m e2e.lab up --name {one.name}{option}`."
    )


def _kind_cluster(name: str) -> Cluster:
    config = kind.up(name)
    load = partial(kind.load_image, name)
    return Cluster(config, base_images.BUSYBOX, _programs(), load, _public_postgres)


def _user_cluster(config: Path) -> Cluster:
    for one in instance.all_instances():
        if one.kubeconfig == config:
            return _connect_to_lab(one)
    busybox = os.environ.get("OOMWARDEN_BUSYBOX_IMAGE", base_images.BUSYBOX)
    return Cluster(config, busybox, _programs(), _user_image, _public_postgres)


def _user_image() -> ImageRef:
    name = os.environ.get("OOMWARDEN_IMAGE")
    if not name:
        raise LabError(
            "For a cluster of your own, build and push the Dockerfile's image and name it with"
            " OOMWARDEN_IMAGE=registry/oomwarden:tag."
        )
    repository, _, tag = name.rpartition(":")
    return ImageRef(repository, tag)


def _public_postgres() -> str:
    """Return the name of an image for clusters that can reach a registry."""
    return os.environ.get("OOMWARDEN_POSTGRES_IMAGE", "docker.io/library/postgres:17")


def _programs() -> dict[str, Path]:
    """Return the user's own kubectl and helm, or build them."""
    return {name: tools.find_or_build(tools.PROGRAMS[name]) for name in ("kubectl", "helm")}
