"""One kill test: creates the pod, watches what follows, and deletes the pod in any case."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from oomwarden.api.vocabulary import LABEL_POD_UID
from oomwarden.cli.cluster.client import Cluster
from oomwarden.cli.cluster.errors import NotFoundError
from oomwarden.cli.cluster.resources import EVENTS, OOM_KILLS, PODS, with_query
from oomwarden.cli.errors import CliError
from oomwarden.cli.kill_test.agents import AgentSet, MetricReading, read_metric
from oomwarden.core.history.kill_record import KillRecord, read_record, text_at
from oomwarden.core.kill_test.latency import KillLatency, kill_latency
from oomwarden.core.kill_test.progress import PodProgress, last_step, pod_progress
from oomwarden.core.kill_test.sacrifice import CONTAINER
from oomwarden.core.kill_test.steps import (
    KillStep,
    StepName,
    StepOutcome,
    describe_record,
    missing_steps,
)
from oomwarden.core.metrics.families.nodes import RECORDED_KILLS
from oomwarden.core.objects.json_parts import Json, Manifest, object_at

POLL_SECONDS = 0.2
_METRIC_READS = 10
"""An agent's metrics are up to a second old."""


@dataclass
class KillTrial:
    """A test in one cluster.

    Attributes:
        agents: The agents, whose metric is read; None if the user may not see them.
        say: Is called with each step when it is done.
        steps: The steps so far.
        record: The record of the kill.
        latency: How soon the kill was found; None if it is not known.
    """

    cluster: Cluster
    manifest: Manifest
    agents: AgentSet | None
    say: Callable[[KillStep], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    steps: list[KillStep] = field(default_factory=list)
    record: KillRecord | None = None
    latency: KillLatency | None = None
    progress: PodProgress | None = None
    _uid: str | None = None
    _began: float = 0.0
    _metric: MetricReading | None = None

    def run(self, seconds: float, *, keep: bool) -> None:
        """Run the test.

        Args:
            seconds: How long everything may take.
            keep: Whether to leave the pod.

        Raises:
            CliError: The user lacks a right, or the API server does not answer.
        """
        self._check_rights()
        self._began = self.clock()
        try:
            self._create()
            while self._is_open() and self.clock() - self._began < seconds:
                self.sleep(POLL_SECONDS)
                self._look()
            self._conclude()
        finally:
            self._clean_up(keep=keep)

    @property
    def namespace(self) -> str:
        """The namespace of the pod."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def pod(self) -> str:
        """The name of the pod."""
        return str(self.manifest["metadata"]["name"])

    def _check_rights(self) -> None:
        """Fail before anything is created if what follows cannot be seen."""
        self._records("none")
        self.cluster.find(EVENTS, self.namespace, self.pod)

    def _records(self, uid: str) -> list[Manifest]:
        return self.cluster.listing(OOM_KILLS, self.namespace, f"{LABEL_POD_UID}={uid}")[0]

    def _create(self) -> None:
        path, right = PODS.path(self.namespace), PODS.right("create", self.namespace)
        made = self.cluster.request("POST", path, right, self.manifest, "application/json")
        self._uid = text_at(object_at(made, "metadata"), "uid")
        self._done(StepName.CREATED, f"pod {self.namespace}/{self.pod}")

    def _is_open(self) -> bool:
        """Return whether a step may still follow."""
        if self.progress and self.progress.is_ended and not self.progress.was_killed:
            return False
        return bool(missing_steps(self.steps))

    def _look(self) -> None:
        if self.progress is None or not self.progress.is_ended:
            self._look_at_pod()
        if self.record is None:
            self._look_for_record()
        elif StepName.EVENT in missing_steps(self.steps):
            self._look_for_event(self.record)

    def _look_at_pod(self) -> None:
        before = self.progress
        pod = self.cluster.get(PODS, self.namespace, self.pod)
        progress = self.progress = pod_progress(pod)
        if progress.node and (before is None or before.node is None):
            self._done(StepName.SCHEDULED, f"on node {progress.node}")
            if self.agents and not progress.is_ended:
                self._metric = read_metric(self.cluster, self.agents, progress.node)
        if progress.was_killed:
            self._done(StepName.KILLED, progress.describe_end)

    def _look_for_record(self) -> None:
        found = self._records(self._uid or "none")
        if found:
            self.record = read_record(found[0])
            self._done(StepName.RECORD, describe_record(self.record))

    def _look_for_event(self, record: KillRecord) -> None:
        event = self.cluster.find(EVENTS, self.namespace, record.name)
        if event is not None:
            self._done(StepName.EVENT, _described(event))

    def _conclude(self) -> None:
        for name in missing_steps(self.steps):
            self._done(name, "did not come", StepOutcome.FAILED)
        if self.record is not None:
            finished = self.progress.finished if self.progress else None
            self.latency = kill_latency(self.record.found, finished, self._last_line())
            self._done(StepName.METRIC, *self._compare_metrics())

    def _last_line(self) -> float | None:
        path = PODS.path(self.namespace, self.pod, "log")
        path = with_query(path, container=CONTAINER, tailLines=2)
        try:
            return last_step(self.cluster.text(path, f"get pods/log in namespace {self.namespace}"))
        except CliError:
            return None  # it only makes the latency more exact

    def _compare_metrics(self) -> tuple[str, StepOutcome]:
        before = self._metric
        if self.agents is None or before is None or not (self.progress and self.progress.node):
            return "the agents are not known, or the kill came first", StepOutcome.SKIPPED
        if before.value is None:
            return before.obstacle or "unknown", StepOutcome.SKIPPED
        name = RECORDED_KILLS.name
        for _ in range(_METRIC_READS):
            after = read_metric(self.cluster, self.agents, self.progress.node)
            if after.value is not None and after.value > before.value:
                rose = f"{name} of {after.agent}: {before.value} to {after.value}"
                return rose, StepOutcome.OK
            self.sleep(POLL_SECONDS)
        return f"{name} of {before.agent} stayed at {before.value}", StepOutcome.FAILED

    def _clean_up(self, *, keep: bool) -> None:
        """Delete the pod, also one whose creation was not answered."""
        where = f"-n {self.namespace}"
        if keep:
            text = f"kept; delete it with: kubectl delete pod {self.pod} {where}"
            self._done(StepName.CLEANUP, text, StepOutcome.SKIPPED)
            return
        body: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        if self._uid:
            body["preconditions"] = {"uid": self._uid}
        path = PODS.path(self.namespace, self.pod)
        right = PODS.right("delete", self.namespace, self.pod)
        try:
            self.cluster.request("DELETE", path, right, body, "application/json")
        except NotFoundError:
            return
        except CliError as error:
            text = f"{error}; delete it with: kubectl delete pod {self.pod} {where}"
            self._done(StepName.CLEANUP, text, StepOutcome.FAILED)
            return
        self._done(StepName.CLEANUP, "pod deleted")

    def _done(self, name: StepName, text: str, outcome: StepOutcome = StepOutcome.OK) -> None:
        step = KillStep(name, outcome, self.clock() - self._began, text)
        self.steps.append(step)
        self.say(step)


def _described(event: Json) -> str:
    reason, note = text_at(event, "reason") or "Event", text_at(event, "note") or ""
    return f"{reason}: {note.partition('. ')[0].rstrip('.')}"
