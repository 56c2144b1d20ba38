"""The operator's process: `oomwarden-operator run`, and `release` before the chart is deleted."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from oomwarden.controller.release import release, summary
from oomwarden.core.log_line.keys import about
from oomwarden.core.log_line.line import LogFormat
from oomwarden.core.quota.retention import Bounds
from oomwarden.kube.mode import ModeConfigMap
from oomwarden.kube.operator_calls import OperatorCalls
from oomwarden.kube.transport.client import connect
from oomwarden.kube.transport.errors import API_ERRORS, classify_error, error_keys
from oomwarden.log_output.setup import LEVELS, configure_logging

RECURSION_LIMIT = 20_000
"""kopf parses JSON with Python's recursive parser, and anyone who may patch a policy can nest its
managedFields 10,000 levels deep (Go encoding/json, maxNestingDepth)."""
_LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command and return the exit code."""
    options = parse(arguments)
    configure_logging(options.log_level, _format(options))
    if options.command == "release":
        return asyncio.run(_release(options.namespace, timedelta(seconds=options.wait)))
    sys.setrecursionlimit(RECURSION_LIMIT)
    from oomwarden.controller.run import OperatorIdentity, run  # noqa: PLC0415 - importing kopf is slow, and `release` does not need it

    bounds = Bounds(options.days, options.per_pod, options.per_namespace, options.per_cluster)
    where = OperatorIdentity(options.namespace, options.account, options.lease)
    asyncio.run(run(options.port, bounds, where))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; environment variables are the defaults.

    Raises:
        SystemExit: An argument is missing or invalid; the message names it.
    """
    parser = _parser(os.environ)
    options = parser.parse_args(arguments)
    if options.log_level not in LEVELS:
        parser.error(f"--log-level is {options.log_level!r}: use one of {', '.join(LEVELS)}")
    if options.log_format not in {None, *LogFormat}:
        parser.error(f"--log-format is {options.log_format!r}: use {' or '.join(LogFormat)}")
    if not options.namespace:
        parser.error("--namespace is required, or POD_NAMESPACE in the environment")
    return options


def _format(options: argparse.Namespace) -> LogFormat:
    """Return the format; that of `release` is for the person who waits for it."""
    default = LogFormat.TEXT if options.command == "release" else LogFormat.JSON
    return LogFormat(options.log_format or default)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("oomwarden-operator", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("run", "release"), default="run")
    parser.add_argument(
        "--port", type=int, default=environment.get("OOMWARDEN_HEALTH_PORT", "8080"),
        help="run: port of /healthz, /readyz and /metrics; OOMWARDEN_HEALTH_PORT",
    )  # fmt: skip
    parser.add_argument(
        "--namespace", default=environment.get("POD_NAMESPACE"),
        help="namespace of the ConfigMap oomwarden-control; POD_NAMESPACE",
    )  # fmt: skip
    parser.add_argument(
        "--service-account", dest="account", default=environment.get("POD_SERVICE_ACCOUNT", ""),
        help="run: the operator's ServiceAccount, which records that the ConfigMap "
             "oomwarden-control was created; if empty, it is never created; POD_SERVICE_ACCOUNT",
    )  # fmt: skip
    parser.add_argument(
        "--lease", default=environment.get("OOMWARDEN_LEASE", ""),
        help="run: the Lease that the operator has to hold before it works, if there are several; "
             "if empty, it works at once; OOMWARDEN_LEASE",
    )  # fmt: skip
    _add_retention(parser, environment)
    parser.add_argument(
        "--wait", type=float, default=60.0, help="release: wait at most this many seconds"
    )
    parser.add_argument(
        "--log-level", type=str.upper, default=environment.get("OOMWARDEN_LOG_LEVEL", "INFO"),
        help=f"{', '.join(LEVELS)}; OOMWARDEN_LOG_LEVEL",
    )  # fmt: skip
    parser.add_argument(
        "--log-format", default=environment.get("OOMWARDEN_LOG_FORMAT"),
        help=f"{', '.join(LogFormat)}; default json, of release text; OOMWARDEN_LOG_FORMAT",
    )  # fmt: skip
    return parser


def _add_retention(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Add the retention arguments. Defaults are text, so that argparse validates them too."""
    default = Bounds()
    for option, number, what in (
        ("days", default.days, "days for which an OOMKill is kept"),
        ("per_pod", default.per_pod, "newest OOMKills that are kept of each pod"),
        ("per_namespace", default.per_namespace, "OOMKills that are kept in each namespace"),
        ("per_cluster", default.per_cluster, "OOMKills that are kept in all namespaces together"),
    ):
        name = f"OOMWARDEN_RETENTION_{option.upper()}"
        parser.add_argument(
            f"--retention-{option.replace('_', '-')}", dest=option, metavar="N",
            type=partial(_bound, name), default=environment.get(name, str(number)),
            help=f"run: {what}; 0: unlimited; default {number}; {name}",
        )  # fmt: skip


def _bound(name: str, text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"{text!r} (set here or in {name}) is not a whole number; 0: unlimited"
        )
    return int(text)


async def _release(namespace: str, wait: timedelta) -> int:
    try:
        client = connect()
        last = await release(OperatorCalls(client), ModeConfigMap(client, namespace), wait)
    except API_ERRORS as error:
        failure = classify_error(error)
        _LOG.error(
            "Nothing was restored: ConfigMap oomwarden-control in namespace %s could not be set to "
            "mode Release: %s. To uninstall without restoring: helm uninstall --no-hooks",
            namespace,
            failure.reason,
            extra=about(error_keys(failure), kind="ConfigMap", namespace=namespace),
        )
        return 1
    _LOG.info(summary(last))
    return 0
