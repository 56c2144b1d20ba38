"""kopf as the operator's frame: login, signals, and the watch of ClusterOOMPolicies."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import kopf

from oomwarden.controller.login import login
from oomwarden.controller.policies.handlers import PolicyHandlers

Loops = dict[str, Callable[[], Coroutine[Any, Any, None]]]
"""The loops of the operator, by name."""


async def run_with_kopf(loops: Loops, handlers: PolicyHandlers, stop: asyncio.Event) -> None:
    """Run kopf and the loops; the loops end when kopf does, and kopf when `stop` is set."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop(), name=name) for name, loop in loops.items()]
        await asyncio.sleep(0)  # kopf cancels, and waits for, tasks that start after its own
        await kopf.operator(
            registry=registry_for(handlers),
            settings=operator_settings(),
            clusterwide=True,
            standalone=True,
            stop_flag=stop,
        )
        for task in tasks:
            task.cancel()


def registry_for(handlers: PolicyHandlers) -> kopf.OperatorRegistry:
    """Return kopf's registry with all of the operator's handlers."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry, id="login")(login)
    handlers.register(registry)
    return registry


def operator_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: it writes nothing, and watches no other kind."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # else kopf watches all CRDs of the cluster
    settings.networking.request_timeout = 30.0
    settings.networking.connect_timeout = 10.0
    settings.watching.chunk_size = 50
    settings.process.ultimate_exiting_timeout = 10.0
    return settings
