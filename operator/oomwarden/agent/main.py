"""`oomwarden-agent`: reads the settings and runs until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import resource
import signal
import sys

from oomwarden.agent.run import run
from oomwarden.agent.runtime.settings import Settings, SettingsError, from_environment
from oomwarden.core.log_line.keys import about
from oomwarden.core.log_line.line import LogFormat
from oomwarden.log_output.setup import configure_logging

_SWITCH_SECONDS = 0.0005
"""Python work of other threads must not delay detection beyond the life of a short-lived scope."""
_LOG = logging.getLogger(__name__)


def main(problem: str = "") -> None:
    """Run the agent; exit with 1 on a bad setting or when a loop ended.

    Args:
        problem: What has already gone wrong, to be logged; empty: nothing.
    """
    configure_logging("INFO", LogFormat.JSON)
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        _LOG.critical("the agent does not start: %s", error, extra=about(reason="BadSetting"))
        sys.exit(1)
    configure_logging(settings.log_level, settings.log_format)
    if problem:
        _LOG.warning("%s", problem, extra=about(kind="Pod", name=settings.pod))
    sys.setswitchinterval(_SWITCH_SECONDS)
    _raise_open_files()
    asyncio.run(_run_until_signalled(settings))


async def _run_until_signalled(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    agent = asyncio.create_task(run(settings), name="agent")
    signalled = False

    def stop() -> None:
        nonlocal signalled
        signalled = True
        agent.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await agent
    except asyncio.CancelledError:
        if not signalled:
            raise


def _raise_open_files() -> None:
    """Raise the limit of open files: each followed cgroup has three or four descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
