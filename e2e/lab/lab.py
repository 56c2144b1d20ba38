"""Brings an instance of the lab up and down."""

import shlex

from e2e.lab import (
    cache,
    control_plane,
    network,
    node,
    parts,
    pki,
    preflight,
    processes,
    product_image,
)
from e2e.lab.instance import Instance, Options, state_of
from e2e.lab.machines import Machine
from e2e.lab.parts import Parts
from e2e.lab.tools import Tools, groups

# Ends first what depends on the others.
_STOP_ORDER = (node.NODE, control_plane.FORWARDER, *reversed(control_plane.COMPONENTS))


def up(
    instance: Instance,
    options: Options,
    *,
    wait_for_node: bool = True,
    may_build_kernel: bool = True,
) -> Tools:
    """Brings the instance up; what already runs and is right is left alone.

    Args:
        instance: Which one.
        options: What it shall be like; one that differs is started over.
        wait_for_node: Whether to return only when the node is ready, or while it still boots.
        may_build_kernel: Whether to wait for User-Mode Linux to be built, where that can be.

    Returns:
        The programs it is made of, kubectl among them.
    """
    runs_already = component_states(instance)[node.NODE] is not None
    needed = 0 if runs_already else options.memory
    made_of = build(options, free_memory=needed, may_build_kernel=may_build_kernel)
    tools, machine = made_of.tools, made_of.machine
    wanted = state_of(
        options,
        tools=tools.stamp(),
        machine=machine.made_of,
        system=made_of.system,
        store=made_of.store,
        product=str(product_image.reference()),
    )
    with instance.lock():
        if not any(component_states(instance).values()) or instance.running_state() != wanted:
            _start_over(instance, machine, wanted)
        _write_wrappers(instance, tools)
        node.start(instance, machine, (made_of.system, made_of.store), options)
        control_plane.start(instance, tools)
        if wait_for_node:
            node.wait_until_ready(instance, machine, tools)
    return tools


def build(options: Options, *, free_memory: int = 0, may_build_kernel: bool = True) -> Parts:
    """Builds what is missing of an instance, and starts nothing.

    Args:
        options: What the instance shall be like.
        free_memory: What a node that is then started will take, in MiB.
        may_build_kernel: Whether to wait for User-Mode Linux to be built, where that can be.
    """
    preflight.check(free_memory, groups(helm=options.helm))
    return parts.build(options, may_build_kernel=may_build_kernel)


def up_without_node(instance: Instance) -> Tools:
    """Brings up a control plane that has no node; a node that it already has is left alone.

    `up` starts such an instance over.
    """
    preflight.check(0, groups(helm=True))
    tools = parts.build_programs()
    with instance.lock():
        runs = any(component_states(instance).values())
        if not runs or instance.running_state().get("tools") != tools.stamp():
            _start_over(instance, None, {"tools": tools.stamp()})
        _write_wrappers(instance, tools)
        control_plane.start(instance, tools)
    return tools


def down(instance: Instance) -> list[str]:
    """Ends exactly what `up` started, and returns the names of what was running."""
    with instance.lock():
        return _stop(instance)


def component_states(instance: Instance) -> dict[str, int | None]:
    """Returns each component's process id, or None for one that does not run."""
    names = (*control_plane.COMPONENTS, control_plane.FORWARDER, node.NODE)
    return {name: processes.process_id(name, instance.run) for name in names}


def _start_over(instance: Instance, machine: Machine | None, wanted: dict[str, object]) -> None:
    _stop(instance)
    cache.remove(instance.run)
    instance.run.mkdir(parents=True)
    network.create(instance, machine.network() if machine else ())
    pki.create(instance)
    # Last: an instance that was interrupted before this line is started over.
    instance.remember(wanted)


def _stop(instance: Instance) -> list[str]:
    ended = [name for name in _STOP_ORDER if processes.stop(name, instance.run)]
    network.remove(instance)
    for name in ("state.json", "etcd", "pki", "identity.tar"):
        cache.remove(instance.run / name)
    return ended


def _write_wrappers(instance: Instance, tools: Tools) -> None:
    """Gives the user a kubectl, and a helm where there is one, that speak to this instance."""
    instance.bin.mkdir(parents=True, exist_ok=True)
    for name in {"kubectl", "helm"} & tools.paths.keys():
        config, program = shlex.quote(str(instance.kubeconfig)), shlex.quote(str(tools[name]))
        wrapper = instance.bin / name
        wrapper.write_text(
            f'#!/bin/sh\nKUBECONFIG={config} exec {program} "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)
