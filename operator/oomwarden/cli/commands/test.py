"""`kubectl oom test`: kills a pod of its own, and shows what the cluster makes of it."""

import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import ForbiddenError
from oomwarden.cli.cluster.options import Context, Kubeconfig, Namespace
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.kill_test.agents import AgentSet, find_agents
from oomwarden.cli.kill_test.trial import KillTrial
from oomwarden.cli.output.ages import duration
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.output.terminal import visible
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.kill_test.sacrifice import sacrificial_pod, user_for
from oomwarden.core.kill_test.steps import KillStep, has_passed, missing_steps, why_failed

app = sub_command()
_DRY_IMAGE = "<the image of the agents>"


class ResultForm(StrEnum):
    """Forms of the result."""

    JSON = "json"
    YAML = "yaml"


@app.command("test")
def kill_a_pod(
    namespace: Namespace = None,
    node: Annotated[str | None, typer.Option(help="Kill on this node.")] = None,
    image: Annotated[
        str | None, typer.Option(help="An image with python3; that of the agents by default.")
    ] = None,
    timeout: Annotated[str, typer.Option(help="How long everything may take.")] = "60s",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the pod.", show_default=False)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the pod.", show_default=False)
    ] = False,
    form: Annotated[
        ResultForm | None, typer.Option("-o", "--output", help="Form of the result.")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    r"""Kill a pod of its own, and show the record, the Event, the metric and the latency.

    The pod has a limit of 32Mi, fills it, and is deleted afterwards, also after Ctrl-C. Its OOMKill
    stays as part of the history. The exit code is 0 if record and Event came in time.

    \b
    Examples:
      kubectl oom test                              # wherever the scheduler puts it
      kubectl oom test -n shop --node node-7 -o json
      kubectl oom test --dry-run | kubectl apply --dry-run=server -f -
    """
    seconds = _seconds(timeout)
    cluster = Cluster(kubeconfig, context)
    where = cluster.namespace(namespace)
    agents = _agents(cluster, is_needed=image is None and not dry_run)
    wanted = image or (agents.image if agents else _DRY_IMAGE)
    name = f"oom-test-{secrets.token_hex(3)}"
    manifest = sacrificial_pod(where, name, wanted, node, user_for(image))
    if dry_run:
        sys.stdout.write(serialized(manifest, Output(form or ResultForm.YAML)))
        return
    trial = KillTrial(cluster, manifest, agents, _silent if form else _print)
    _run(trial, seconds, keep=keep, form=form)


def _seconds(timeout: str) -> float:
    try:
        return duration(timeout).total_seconds()
    except ValueError as error:
        raise CliError(f"--timeout: {error}", USAGE) from error


def _agents(cluster: Cluster, *, is_needed: bool) -> AgentSet | None:
    """Return the agents; None if the user may not see them and nothing depends on it."""
    try:
        return find_agents(cluster)
    except ForbiddenError as error:
        if is_needed:
            raise ForbiddenError(f"{error}, or name an image with python3 by --image") from error
    except CliError:
        if is_needed:
            raise
    return None


def _run(trial: KillTrial, seconds: float, *, keep: bool, form: ResultForm | None) -> None:
    with _cleaning_up_when_terminated():
        trial.run(seconds, keep=keep)
    if form:
        sys.stdout.write(serialized(_as_object(trial), Output(form)))
    else:
        sys.stdout.write(_summary(trial))
    if not has_passed(trial.steps):
        missing = missing_steps(trial.steps)
        raise CliError(f"the test failed: {why_failed(missing, trial.progress, seconds)}")


@contextmanager
def _cleaning_up_when_terminated() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C: a CI job that runs too long is ended by it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(step: KillStep) -> None:
    line = f"{step.name:<11}{step.outcome:<9}{step.seconds:>6.1f} s   {visible(step.text)}"
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _silent(_: KillStep) -> None:
    pass


def _summary(trial: KillTrial) -> str:
    lines = []
    if trial.latency:
        lines.append(f"Latency: {trial.latency.text}.")
    if trial.record:
        delete = f"kubectl delete oomkill {trial.record.name} -n {trial.namespace}"
        lines.append(f"The record stays as part of the history; to remove it: {delete}")
    return "".join(f"{line}\n" for line in ["", *lines]) if lines else ""


def _as_object(trial: KillTrial) -> dict[str, object]:
    latency = trial.latency
    return {
        "passed": has_passed(trial.steps),
        "namespace": trial.namespace,
        "pod": trial.pod,
        "node": trial.progress.node if trial.progress else None,
        "record": trial.record.name if trial.record else None,
        "latencySeconds": latency.seconds if latency else None,
        "latencyIsExact": latency.is_exact if latency else None,
        "steps": [
            {
                "name": str(step.name),
                "outcome": str(step.outcome),
                "seconds": round(step.seconds, 3),
                "text": step.text,
            }
            for step in trial.steps
        ],
    }
