"""`oomwarden-agent`: reads its settings and runs until it is told to stop."""

import asyncio
import logging
import os
import resource
import signal
import sys

from oomwarden.agent.run import run
from oomwarden.agent.runtime.settings import Settings, SettingsError, from_environment

_SWITCH_SECONDS = 0.0005
"""Another thread's Python work must not delay detection for as long as a dead scope lives."""


def main() -> None:
    """Run the agent; exit 2 on a bad setting, 1 when a loop ended."""
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        sys.exit(f"oomwarden-agent: {error}")
    logging.basicConfig(
        level=settings.log_level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    sys.setswitchinterval(_SWITCH_SECONDS)
    _raise_open_files()
    asyncio.run(_until_told(settings))


async def _until_told(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    agent = asyncio.create_task(run(settings), name="agent")
    told = False

    def stop() -> None:
        nonlocal told
        told = True
        agent.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await agent
    except asyncio.CancelledError:
        if not told:
            raise


def _raise_open_files() -> None:
    """Every followed cgroup keeps three or four descriptors open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
