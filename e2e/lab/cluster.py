"""One cluster, whoever provides it: the lab, kind, or the user."""

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

# What the lab's node shall do when `open_cluster` returns. Other clusters always have nodes.
NodeNeed: TypeAlias = Literal["is ready", "boots", "is absent"]


@dataclass(frozen=True)
class Cluster:
    """A cluster that can be spoken to, and given the image under test.

    Attributes:
        kubeconfig: The file that kubectl, helm and API clients need, with admin rights.
        busybox_image: An image with busybox and `hog N`, which touches N MiB and waits.
        programs: Where kubectl and helm are.
    """

    kubeconfig: Path
    busybox_image: str
    programs: dict[str, Path]
    _load_image: Callable[[], ImageRef] = field(repr=False)
    _load_postgres: Callable[[], str] = field(repr=False)

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Runs kubectl and returns its output; raises CommandError when it fails."""
        return run(self.programs["kubectl"], *arguments, env=self.environment(), stdin=stdin)

    def apply(self, manifest: Mapping[str, object]) -> None:
        """Applies one object as a user does; raises CommandError when it is refused."""
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))

    def helm(self, *arguments: str | Path) -> str:
        """Runs helm and returns its output; raises CommandError when it fails."""
        return run(self.helm_program(), *arguments, env=self.environment())

    def helm_program(self) -> Path:
        """Gives helm, which is built for a lab that was made without it."""
        helm = self.programs["helm"]
        return helm if helm.exists() else tools.find_or_build(tools.PROGRAMS["helm"])

    def environment(self) -> dict[str, str]:
        """Returns the environment in which programs speak to this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def build_and_load_image(self) -> ImageRef:
        """Makes the image under test known to the cluster's nodes; quick when nothing changed."""
        return self._load_image()

    def postgres_image(self) -> str:
        """Gives an image with PostgreSQL below /usr/lib/postgresql, which the nodes can run."""
        return self._load_postgres()


def open_cluster(
    name: str = "test",
    options: Options | None = None,
    *,
    own_only: bool = False,
    node: NodeNeed = "is ready",
    may_build_kernel: bool = True,
) -> Cluster:
    """Returns a cluster to work on, brought up where that is needed.

    A cluster that `KUBECONFIG` names is taken as it is; else kind makes one where a Docker engine
    with cgroup v2 answers; else the lab does.

    Args:
        name: Tells apart the clusters that kind and the lab make, e.g. `demo` and `test`.
        options: What the lab's node shall be like.
        own_only: Never touch the cluster that `KUBECONFIG` names.
        node: How far the lab's node shall be; `is absent` where only an API server is needed.
        may_build_kernel: Whether to wait for User-Mode Linux to be built, where that can be.

    Raises:
        LabError: What stands in the way, and the remedy.
    """
    config = None if own_only else os.environ.get("KUBECONFIG")
    if config:
        return _users_cluster(Path(config))
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
    return _speaking_to_lab(one)


def _speaking_to_lab(one: Instance) -> Cluster:
    def image() -> ImageRef:
        product = product_image.reference()
        if one.running_state().get("product") != str(product):
            raise _begun_without(one, f"the image of this checkout, {product},", "")
        return product

    def postgres() -> str:
        if not one.running_state().get("postgres"):
            raise _begun_without(one, "the image with PostgreSQL", " --postgres")
        return postgres_image.REFERENCE

    programs = {name: one.bin / name for name in ("kubectl", "helm")}
    return Cluster(one.kubeconfig, base_images.BUSYBOX, programs, image, postgres)


def _begun_without(one: Instance, what: str, option: str) -> LabError:
    return LabError(
        f"Lab {one.name} runs without {what} which only a start can give it: bring it up again"
        f" with `python3 -m e2e.lab up --name {one.name}{option}`."
    )


def _kind_cluster(name: str) -> Cluster:
    config = kind.up(name)
    load = partial(kind.load_image, name)
    return Cluster(config, base_images.BUSYBOX, _programs(), load, _public_postgres)


def _users_cluster(config: Path) -> Cluster:
    for one in instance.all_instances():
        if one.kubeconfig == config:
            return _speaking_to_lab(one)
    busybox = os.environ.get("OOMWARDEN_BUSYBOX_IMAGE", base_images.BUSYBOX)
    return Cluster(config, busybox, _programs(), _users_image, _public_postgres)


def _users_image() -> ImageRef:
    name = os.environ.get("OOMWARDEN_IMAGE")
    if not name:
        raise LabError(
            "With a cluster of your own, build and push the Dockerfile's image yourself and name"
            " it: OOMWARDEN_IMAGE=registry/oomwarden:tag."
        )
    repository, _, tag = name.rpartition(":")
    return ImageRef(repository, tag)


def _public_postgres() -> str:
    """Names an image for clusters that reach a registry."""
    return os.environ.get("OOMWARDEN_POSTGRES_IMAGE", "docker.io/library/postgres:17")


def _programs() -> dict[str, Path]:
    """Returns the user's own kubectl and helm, or builds them."""
    return {name: tools.find_or_build(tools.PROGRAMS[name]) for name in ("kubectl", "helm")}
