"""The operator's process: `oomwarden-operator run`, and `release` before the chart is deleted."""

import argparse
import asyncio
import logging
import os
import platform
from collections.abc import Sequence
from datetime import timedelta

import kopf

from oomwarden.api.policy import PolicyStatus
from oomwarden.controller.login import login
from oomwarden.controller.policies import PolicyHandlers
from oomwarden.controller.release import release, verdict
from oomwarden.controller.statuses import PolicyKey, StatusWriter
from oomwarden.kube.client import connect
from oomwarden.kube.errors import API_ERRORS, failure
from oomwarden.kube.operations import Operations

CRD_POLL_SECONDS = 2.0
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command and give the exit code."""
    options = parse(arguments)
    logging.basicConfig(
        level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if options.log_level != "DEBUG":
        for chatty in ("kopf", "aiohttp.access", "httpx2"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
    if options.command == "release":
        return asyncio.run(_release(options.namespace, timedelta(seconds=options.wait)))
    asyncio.run(_run(options.port))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what is not given comes from the environment.

    Raises:
        SystemExit: with a sentence that names the argument.
    """
    environment = os.environ
    parser = argparse.ArgumentParser("oomwarden-operator", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("run", "release"), default="run")
    parser.add_argument(
        "--port", type=int, default=environment.get("OOMWARDEN_HEALTH_PORT", "8080"),
        help="run: port of /healthz; OOMWARDEN_HEALTH_PORT",
    )  # fmt: skip
    parser.add_argument(
        "--namespace", default=environment.get("POD_NAMESPACE"),
        help="release: where the ConfigMap oomwarden-control is; POD_NAMESPACE",
    )  # fmt: skip
    parser.add_argument("--wait", type=float, default=60.0, help="release: seconds to wait at most")
    parser.add_argument(
        "--log-level", type=str.upper, default=environment.get("OOMWARDEN_LOG_LEVEL", "INFO"),
        help=f"{', '.join(_LEVELS)}; OOMWARDEN_LOG_LEVEL",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.log_level not in _LEVELS:
        parser.error(f"--log-level is {options.log_level!r}: it takes one of {', '.join(_LEVELS)}")
    if options.command == "release" and not options.namespace:
        parser.error("release needs --namespace, or POD_NAMESPACE in the environment")
    return options


async def _release(namespace: str, wait: timedelta) -> int:
    try:
        last = await release(Operations(connect()), namespace, wait)
    except API_ERRORS as error:
        _LOG.error(
            "Nothing was put back: the switch, ConfigMap oomwarden-control in namespace %s, could "
            "not be set to Release: %s. To uninstall all the same: helm uninstall --no-hooks",
            namespace,
            failure(error).reason,
        )
        return 1
    _LOG.info(verdict(last))
    return 0


async def _run(port: int) -> None:
    """Run until a signal comes or a loop ends."""
    os.environ.setdefault("POD_ID", platform.node())  # else kopf asks for the user's name: 65532
    operations = Operations(connect())
    await _until_served(operations)

    async def write(key: PolicyKey, status: PolicyStatus) -> None:
        content = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        await operations.write_status(*key, content)

    writer = StatusWriter(write, operations.node_exists)
    async with asyncio.TaskGroup() as loops:
        writing = loops.create_task(writer.run(), name="writer")
        await asyncio.sleep(0)  # kopf ends, and waits for, the tasks that begin after its own
        await kopf.operator(
            registry=registry_for(writer),
            settings=operator_settings(),
            clusterwide=True,
            standalone=True,
            liveness_endpoint=f"http://0.0.0.0:{port}/healthz",
        )
        writing.cancel()


async def _until_served(operations: Operations) -> None:
    """Wait for the CRDs: kopf looks at what is served only once, at its start."""
    while True:
        try:
            if await operations.kinds_are_served():
                return
            _LOG.warning("the API server does not know oomwarden.io yet: are the CRDs installed?")
        except API_ERRORS as error:
            _LOG.warning("waiting: %s", failure(error).reason)
        await asyncio.sleep(CRD_POLL_SECONDS)


def registry_for(writer: StatusWriter) -> kopf.OperatorRegistry:
    """Give all of the operator's handlers."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry, id="login")(login)
    PolicyHandlers(writer).register(registry)
    return registry


def operator_settings() -> kopf.OperatorSettings:
    """Give kopf's settings: nothing is written by kopf, and no other kind is looked at."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # else it would watch all CRDs of the cluster
    settings.networking.request_timeout = 30.0
    settings.networking.connect_timeout = 10.0
    settings.watching.chunk_size = 500
    settings.process.ultimate_exiting_timeout = 10.0
    return settings
