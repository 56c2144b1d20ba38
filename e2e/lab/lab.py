"""Brings an instance of the lab up and down."""

import shlex
from pathlib import Path

from e2e.lab import (
    base_images,
    cache,
    control_plane,
    kernel,
    network,
    node,
    node_image,
    pki,
    postgres_image,
    preflight,
    processes,
    product_image,
)
from e2e.lab import tools as lab_tools
from e2e.lab.instance import Instance, Options, state_of
from e2e.lab.tools import Tools

# Ends first what depends on the others.
_STOP_ORDER = (node.NODE, control_plane.FORWARDER, *reversed(control_plane.COMPONENTS))


def up(instance: Instance, options: Options) -> Tools:
    """Brings the instance up; what already runs and is right is left alone.

    Args:
        instance: Which one.
        options: What it shall be like; an instance that differs is begun anew.

    Returns:
        The programs it is made of, kubectl and helm among them.
    """
    runs_already = component_states(instance)[node.NODE] is not None
    preflight.check(0 if runs_already else options.memory)
    tools = lab_tools.build_all()
    archives = _archives(options)
    linux = kernel.build()
    system = node_image.build_system(tools, linux)
    store = node_image.build_store(tools, archives)
    wanted = state_of(
        options,
        tools=tools.stamp(),
        kernel=linux.folder,
        system=system,
        store=store,
        product=str(product_image.reference()),
    )
    with instance.lock():
        if not any(component_states(instance).values()) or instance.running_state() != wanted:
            _begin_anew(instance, wanted)
        _write_wrappers(instance, tools)
        node.start(instance, linux, (system, store), options)
        control_plane.start(instance, tools)
        node.wait_until_ready(instance, tools)
    return tools


def _archives(options: Options) -> list[Path]:
    """Returns the images that the node has before it starts."""
    archives = base_images.build_all()
    base = archives.pop(base_images.PYTHON_BASE)
    more = [postgres_image.build()] if options.postgres else []
    return [*archives.values(), *more, product_image.archive(base)]


def down(instance: Instance) -> list[str]:
    """Ends exactly what `up` started, and returns the names of what was running."""
    with instance.lock():
        return _stop(instance)


def component_states(instance: Instance) -> dict[str, int | None]:
    """Returns each component's process id, or None for one that does not run."""
    names = (*control_plane.COMPONENTS, control_plane.FORWARDER, node.NODE)
    return {name: processes.process_id(name, instance.run) for name in names}


def _begin_anew(instance: Instance, wanted: dict[str, object]) -> None:
    _stop(instance)
    cache.remove(instance.run)
    instance.run.mkdir(parents=True)
    network.create(instance)
    pki.create(instance)
    # Last: an instance that was interrupted before this line is begun anew.
    instance.remember(wanted)


def _stop(instance: Instance) -> list[str]:
    ended = [name for name in _STOP_ORDER if processes.stop(name, instance.run)]
    network.remove(instance)
    for name in ("state.json", "etcd", "pki", "identity.tar"):
        cache.remove(instance.run / name)
    return ended


def _write_wrappers(instance: Instance, tools: Tools) -> None:
    """Gives the user a kubectl and a helm that speak to this instance."""
    instance.bin.mkdir(parents=True, exist_ok=True)
    for name in ("kubectl", "helm"):
        config, program = shlex.quote(str(instance.kubeconfig)), shlex.quote(str(tools[name]))
        wrapper = instance.bin / name
        wrapper.write_text(
            f'#!/bin/sh\nKUBECONFIG={config} exec {program} "$@"\n', encoding="utf-8"
        )
        wrapper.chmod(0o755)
