"""The operator's process: `oomwarden-operator run`, and `release` before the chart is deleted."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from oomwarden.controller.release import release, verdict
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.mode import ModeConfigMap
from oomwarden.kube.operator_calls import OperatorCalls
from oomwarden.kube.transport.client import connect
from oomwarden.kube.transport.errors import API_ERRORS, failure

DEEP_JSON = 20_000
"""Levels of calls: kopf reads JSON with Python's own reader, and whoever may patch a policy can
nest its managedFields 10,000 levels deep (Go encoding/json, maxNestingDepth)."""
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
    sys.setrecursionlimit(DEEP_JSON)
    from oomwarden.controller.run import OperatorIdentity, run  # noqa: PLC0415 - kopf is slow, and not for release

    bounds = Bounds(options.days, options.per_pod, options.per_namespace, options.per_cluster)
    asyncio.run(run(options.port, bounds, OperatorIdentity(options.namespace, options.account)))
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
        help="where the ConfigMap oomwarden-control is; POD_NAMESPACE",
    )  # fmt: skip
    parser.add_argument(
        "--service-account", dest="account", default=environment.get("POD_SERVICE_ACCOUNT", ""),
        help="run: its own ServiceAccount, which says whether the switch was made; "
             "POD_SERVICE_ACCOUNT; empty: the switch is never made",
    )  # fmt: skip
    _add_bounds(parser, environment)
    parser.add_argument("--wait", type=float, default=60.0, help="release: seconds to wait at most")
    parser.add_argument(
        "--log-level", type=str.upper, default=environment.get("OOMWARDEN_LOG_LEVEL", "INFO"),
        help=f"{', '.join(_LEVELS)}; OOMWARDEN_LOG_LEVEL",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.log_level not in _LEVELS:
        parser.error(f"--log-level is {options.log_level!r}: it takes one of {', '.join(_LEVELS)}")
    if not options.namespace:
        parser.error("--namespace is needed, or POD_NAMESPACE in the environment")
    return options


def _add_bounds(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Take which OOMKills are kept. argparse reads a default that is text as if it were given."""
    default = Bounds()
    for option, number, what in (
        ("days", default.days, "days for which an OOMKill is kept"),
        ("per_pod", default.per_pod, "OOMKills of a pod that are kept, the newest"),
        ("per_namespace", default.per_namespace, "OOMKills of a namespace that are kept"),
        ("per_cluster", default.per_cluster, "OOMKills of all namespaces that are kept"),
    ):
        name = f"OOMWARDEN_RETENTION_{option.upper()}"
        parser.add_argument(
            f"--retention-{option.replace('_', '-')}", dest=option, metavar="N",
            type=partial(_bound, name), default=environment.get(name, str(number)),
            help=f"run: {what}; 0: no bound; {name}, else {number}",
        )  # fmt: skip


def _bound(name: str, text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"it is {text!r} (here or in {name}), and takes a whole number; 0: no bound"
        )
    return int(text)


async def _release(namespace: str, wait: timedelta) -> int:
    try:
        client = connect()
        last = await release(OperatorCalls(client), ModeConfigMap(client, namespace), wait)
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
