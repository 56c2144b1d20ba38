"""Starts and stops an instance of the lab."""

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

# Dependents stop first.
_STOP_ORDER = (node.NODE, control_plane.FORWARDER, *reversed(control_plane.COMPONENTS))


def up(
    instance: Instance,
    options: Options,
    *,
    wait_for_node: bool = True,
    may_build_kernel: bool = True,
) -> Tools:
    """Start the instance; what already runs with the right state is left alone.

    Args:
        instance: The instance.
        options: Its options; an instance with other options is restarted.
        wait_for_node: Whether to wait until the node is ready, or return while it boots.
        may_build_kernel: Whether to wait for a build of User-Mode Linux, where that is possible.

    Returns:
        The programs that it is made of, including kubectl.
    """
    runs_already = component_states(instance)[node.NODE] is not None
    needed = 0 if runs_already else options.memory
    parts_built = build(options, free_memory=needed, may_build_kernel=may_build_kernel)
    tools, machine = parts_built.tools, parts_built.machine
    wanted = state_of(
        options,
        tools=tools.stamp(),
        machine=machine.fingerprint,
        system=parts_built.system,
        store=parts_built.store,
        product=str(product_image.reference()),
    )
    with instance.lock():
        if not any(component_states(instance).values()) or instance.running_state() != wanted:
            _start_over(instance, machine, wanted)
        _write_wrappers(instance, tools)
        node.start(instance, machine, (parts_built.system, parts_built.store), options)
        control_plane.start(instance, tools)
        if wait_for_node:
            node.wait_until_ready(instance, machine, tools)
    return tools


def build(options: Options, *, free_memory: int = 0, may_build_kernel: bool = True) -> Parts:
    """Build the missing parts of an instance without starting anything.

    Args:
        options: The instance's options.
        free_memory: Memory that a node started afterwards will use, in MiB.
        may_build_kernel: Whether to wait for a build of User-Mode Linux, where that is possible.
    """
    preflight.check(free_memory, groups(helm=options.helm))
    return parts.build(options, may_build_kernel=may_build_kernel)


def up_without_node(instance: Instance) -> Tools:
    """Start a control plane without a node; a node that already runs is left alone.

    `up` restarts such an instance.
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
    """Stop exactly what `up` started, and return the names of the components that were running."""
    with instance.lock():
        return _stop(instance)


def component_states(instance: Instance) -> dict[str, int | None]:
    """Return the process id of each component, or None if it is not running."""
    names = (*control_plane.COMPONENTS, control_plane.FORWARDER, node.NODE)
    return {name: processes.process_id(name, instance.run) for name in names}


def _start_over(instance: Instance, machine: Machine | None, wanted: dict[str, object]) -> None:
    _stop(instance)
    cache.remove(instance.run)
    instance.run.mkdir(parents=True)
    network.create(instance, machine.network() if machine else ())
    pki.create(instance)
    # Last, so that an instance that was interrupted before this line is restarted.
    instance.save_running_state(wanted)


def _stop(instance: Instance) -> list[str]:
    ended = [name for name in _STOP_ORDER if processes.stop(name, instance.run)]
    network.remove(instance)
    for name in ("state.json", "etcd", "pki", "identity.tar"):
        cache.remove(instance.run / name)
    return ended


def _write_wrappers(instance: Instance, tools: Tools) -> None:
    """Write wrappers of kubectl, and of helm if installed, that use this instance's kubeconfig."""
    instance.bin.mkdir(parents=True, exist_ok=True)
    for name in {"kubectl", "helm"} & tools.paths.keys():
        config, program = shlex.quote(str(instance.kubeconfig)), shlex.quote(str(tools[name]))
        wrapper = instance.bin / name
        wrapper.write_text(
            f'#!/bin/sh\nKUBECONFIG={config} exec {program} "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)
