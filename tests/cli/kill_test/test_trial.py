"""A kill test against a cluster that plays a script; seconds pass when the test sleeps."""

import pytest
from oomwarden.cli.cluster.errors import ForbiddenError, NotFoundError
from oomwarden.cli.errors import CliError
from oomwarden.cli.kill_test.agents import AgentSet
from oomwarden.cli.kill_test.trial import KillTrial
from oomwarden.core.kill_test.sacrifice import sacrificial_pod
from oomwarden.core.kill_test.steps import KillStep, StepName, StepOutcome, has_passed

from tests.support.played_cluster import NEVER, PlayedCluster, Script

AGENTS = AgentSet("oomwarden", "registry.example.com/oomwarden:1", 9808, "app=agent")


def play(
    script: Script, seconds: float = 60.0, *, keep: bool = False, agents: AgentSet | None = AGENTS
) -> tuple[KillTrial, PlayedCluster]:
    trial, cluster = prepared(script, agents)
    trial.run(seconds, keep=keep)
    return trial, cluster


def prepared(script: Script, agents: AgentSet | None = AGENTS) -> tuple[KillTrial, PlayedCluster]:
    cluster = PlayedCluster(script)
    manifest = sacrificial_pod("shop", "oom-test-1", "image")
    said: list[KillStep] = []
    trial = KillTrial(
        cluster, manifest, agents, said.append, clock=lambda: cluster.now, sleep=cluster.sleep
    )
    return trial, cluster


def outcomes(trial: KillTrial) -> dict[StepName, StepOutcome]:
    return {step.name: step.outcome for step in trial.steps}


def test_each_step_is_seen_and_the_pod_is_deleted() -> None:
    trial, cluster = play(Script())
    assert set(outcomes(trial).values()) == {StepOutcome.OK}
    assert list(outcomes(trial)) == [
        StepName.CREATED,
        StepName.SCHEDULED,
        StepName.RECORD,
        StepName.EVENT,
        StepName.KILLED,
        StepName.METRIC,
        StepName.CLEANUP,
    ]
    assert has_passed(trial.steps)
    (body,) = cluster.deleted
    assert body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u1"},
    }


def test_the_latency_is_that_of_the_nodes_own_clock() -> None:
    trial, _ = play(Script())
    assert trial.latency
    assert trial.latency.is_exact
    assert trial.latency.seconds == pytest.approx(0.25)


def test_without_the_log_the_latency_is_that_of_the_kubelet() -> None:
    trial, _ = play(Script(forbidden=("log",)))
    assert trial.latency
    assert not trial.latency.is_exact
    assert has_passed(trial.steps)


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        (Script(scheduled=NEVER, killed=NEVER, recorded=NEVER), StepName.SCHEDULED),
        (Script(killed=NEVER, recorded=NEVER), StepName.KILLED),
        (Script(recorded=NEVER), StepName.RECORD),
        (Script(event=NEVER), StepName.EVENT),
    ],
    ids=lambda value: str(value) if isinstance(value, StepName) else "",
)
def test_what_does_not_come_in_time_fails_and_the_pod_is_deleted(
    script: Script, missing: StepName
) -> None:
    trial, cluster = play(script, 20)
    assert outcomes(trial)[missing] is StepOutcome.FAILED
    assert not has_passed(trial.steps)
    assert cluster.now == pytest.approx(20, abs=3)
    assert len(cluster.deleted) == 1


def test_a_program_that_fails_by_itself_is_not_waited_for() -> None:
    ended = {"reason": "StartError", "exitCode": 128}
    trial, cluster = play(Script(ended=ended, recorded=NEVER))
    assert outcomes(trial)[StepName.KILLED] is StepOutcome.FAILED
    assert cluster.now < 5


def test_a_kubelet_that_says_error_is_quoted_and_does_not_fail_the_test() -> None:
    trial, _ = play(Script(ended={"reason": "Error", "exitCode": 137}))
    (step,) = [each for each in trial.steps if each.name is StepName.KILLED]
    assert step.text == "the kubelet says Error (exit code 137)"
    assert has_passed(trial.steps)


@pytest.mark.parametrize("what", ["oomkills", "events"])
def test_nothing_is_created_if_the_result_could_not_be_seen(what: str) -> None:
    trial, cluster = prepared(Script(forbidden=(what,)))
    with pytest.raises(ForbiddenError):
        trial.run(60, keep=False)
    assert cluster.created == []
    assert cluster.deleted == []


def test_a_missing_right_for_the_metric_is_named_and_does_not_fail_the_test() -> None:
    trial, _ = play(Script(forbidden=("metrics",)))
    (step,) = [each for each in trial.steps if each.name is StepName.METRIC]
    assert (step.outcome, step.text) == (StepOutcome.SKIPPED, "you may not metrics")
    assert has_passed(trial.steps)


def test_without_known_agents_the_metric_is_skipped() -> None:
    trial, _ = play(Script(), agents=None)
    assert outcomes(trial)[StepName.METRIC] is StepOutcome.SKIPPED


def test_the_pod_is_deleted_after_ctrl_c() -> None:
    trial, cluster = prepared(Script())

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    trial.sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        trial.run(60, keep=False)
    assert len(cluster.deleted) == 1


def test_a_pod_whose_creation_was_not_answered_is_deleted_by_its_name() -> None:
    trial, cluster = prepared(Script(fails_to_create=True))
    with pytest.raises(CliError, match="does not answer"):
        trial.run(60, keep=False)
    (body,) = cluster.deleted
    assert isinstance(body, dict)
    assert "preconditions" not in body


def test_a_pod_is_kept_on_request_and_the_command_to_delete_it_is_named() -> None:
    trial, cluster = play(Script(), keep=True)
    assert cluster.deleted == []
    assert trial.steps[-1].text == "kept; delete it with: kubectl delete pod oom-test-1 -n shop"


def test_a_pod_that_may_not_be_deleted_is_named() -> None:
    trial, _ = play(Script(forbidden=("DELETE oom-test-1",)))
    assert trial.steps[-1].outcome is StepOutcome.FAILED
    assert "kubectl delete pod oom-test-1 -n shop" in trial.steps[-1].text


def test_a_pod_that_is_gone_needs_no_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    trial, cluster = prepared(Script())

    def gone(*_: object) -> None:
        raise NotFoundError("pods oom-test-1 not found")

    monkeypatch.setattr(cluster, "request", gone)
    trial._clean_up(keep=False)
    assert trial.steps == []
