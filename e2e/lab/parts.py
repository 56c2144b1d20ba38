"""Builds the parts of an instance concurrently: downloads, Debian packages and compilers.

In a build from scratch, the compilers take the most time (measured). So they start first and never
wait for Debian packages. The node's programs come first, because its disks contain them.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from e2e.lab import (
    base_images,
    kernel,
    machines,
    node_image,
    postgres_image,
    preflight,
    product_image,
    tools,
)
from e2e.lab.instance import Options
from e2e.lab.machines import Machine
from e2e.lab.tasks import Task, run_concurrently
from e2e.lab.tools import Tools


@dataclass(frozen=True)
class Parts:
    """Everything that is built before an instance starts.

    Attributes:
        tools: Kubernetes and the programs around it.
        machine: The machine that the node runs on.
        system: The node's system disk.
        store: The disk with the node's images.
    """

    tools: Tools
    machine: Machine
    system: Path
    store: Path


def build(options: Options, *, may_build_kernel: bool) -> Parts:
    """Build the missing parts of an instance.

    Args:
        options: The instance's options.
        may_build_kernel: Whether to build User-Mode Linux for it.

    Raises:
        LabError: A part could not be built; the builds of the others are cancelled.
    """
    companions, on_node, *others = compilers = _compilers(tools.groups(helm=options.helm))
    packages = Task(preflight.install_packages)
    linux = Task(kernel.build, packages)
    machine = Task(lambda: machines.choose(options.memory, may_build=may_build_kernel), linux)
    tree = Task(node_image.build_tree, packages)
    system = Task(
        lambda: node_image.build_system(
            tools.merged([companions.result, on_node.result]), linux.result, tree.result
        ),
        companions,
        on_node,
        linux,
        tree,
    )
    images = _images(options, packages)
    store = Task(
        lambda: node_image.build_store(companions.result, [one.result for one in images]),
        companions,
        *images,
    )
    run_concurrently([*others, machine, system, store])
    programs = tools.merged(one.result for one in compilers)
    return Parts(programs, machine.result, system.result, store.result)


def build_programs() -> Tools:
    """Build the missing programs, and nothing else."""
    compilers = _compilers(tools.groups(helm=True))
    run_concurrently(compilers)
    return tools.merged(one.result for one in compilers)


def _compilers(groups: list[str]) -> list[Task[Tools]]:
    """Return the builds of the groups; those that are compiled run one after the other."""
    companions, *compiled = groups
    chain = [Task(partial(tools.build, companions))]
    needs: Task[Any] = Task(partial(tools.download, compiled))
    for group in compiled:
        chain.append(Task(partial(tools.build, group), needs))
        needs = chain[-1]
    return chain


def _images(options: Options, packages: Task[None]) -> list[Task[Path]]:
    base = Task(base_images.build_python_base, packages)
    images = [
        Task(base_images.build_pause, packages),
        Task(base_images.build_busybox, packages),
        Task(lambda: product_image.archive(base.result), base),
    ]
    if options.postgres:
        images.append(Task(postgres_image.build, packages))
    return images
