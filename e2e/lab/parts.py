"""What an instance is made of, built side by side: downloads, Debian packages and compilers.

Measured from nothing, it is the compilers that take the time: so they begin first and never wait
for Debian's packages, and the node's programs come first, as its disks are made of them.
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
from e2e.lab.steps import Step, run_side_by_side
from e2e.lab.tools import Tools


@dataclass(frozen=True)
class Parts:
    """All that is built before an instance starts.

    Attributes:
        tools: Kubernetes and its companions.
        machine: What the node runs on.
        system: The node's system disk.
        store: The disk with the node's images.
    """

    tools: Tools
    machine: Machine
    system: Path
    store: Path


def build(options: Options, *, may_build_kernel: bool) -> Parts:
    """Builds what is missing of an instance's parts.

    Args:
        options: What the instance shall be like.
        may_build_kernel: Whether to build User-Mode Linux for it.

    Raises:
        LabError: One of them could not be built; the others are given up then.
    """
    companions, on_node, *others = compilers = _compilers(tools.groups(helm=options.helm))
    packages = Step(preflight.install_packages)
    linux = Step(kernel.build, packages)
    machine = Step(lambda: machines.choose(options.memory, may_build=may_build_kernel), linux)
    tree = Step(node_image.build_tree, packages)
    system = Step(
        lambda: node_image.build_system(
            tools.joined([companions.result, on_node.result]), linux.result, tree.result
        ),
        companions,
        on_node,
        linux,
        tree,
    )
    images = _images(options, packages)
    store = Step(
        lambda: node_image.build_store(companions.result, [one.result for one in images]),
        companions,
        *images,
    )
    run_side_by_side([*others, machine, system, store])
    programs = tools.joined(one.result for one in compilers)
    return Parts(programs, machine.result, system.result, store.result)


def build_programs() -> Tools:
    """Builds what is missing of the programs, and nothing else."""
    compilers = _compilers(tools.groups(helm=True))
    run_side_by_side(compilers)
    return tools.joined(one.result for one in compilers)


def _compilers(groups: list[str]) -> list[Step[Tools]]:
    """Returns the builds of programs: those that are compiled one after the other, in order."""
    companions, *compiled = groups
    chain = [Step(partial(tools.build, companions))]
    needs: Step[Any] = Step(partial(tools.download, compiled))
    for group in compiled:
        chain.append(Step(partial(tools.build, group), needs))
        needs = chain[-1]
    return chain


def _images(options: Options, packages: Step[None]) -> list[Step[Path]]:
    base = Step(base_images.build_python_base, packages)
    images = [
        Step(base_images.build_pause, packages),
        Step(base_images.build_busybox, packages),
        Step(lambda: product_image.archive(base.result), base),
    ]
    if options.postgres:
        images.append(Step(postgres_image.build, packages))
    return images
