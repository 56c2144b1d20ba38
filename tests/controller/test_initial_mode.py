"""Only a person, or a completed uninstall, changes the enforcement mode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.controller import initial_mode
from oomwarden.controller.initial_mode import InitialMode
from oomwarden.core.model.mode import EnforcementMode
from oomwarden.kube.transport.errors import ApiError, Status


class Cluster:
    """The stored mode (None: no ConfigMap), and whether its creation was recorded."""

    def __init__(self, mode: str | None = None, *, recorded: bool = False) -> None:
        self.mode = mode
        self.recorded = recorded
        self.fails: set[str] = set()

    def _fail(self, what: str) -> None:
        if what in self.fails:
            raise ApiError(status=Status(code=403, reason="Forbidden", message=f"no {what}"))

    async def exists(self) -> bool:
        self._fail("exists")
        return self.mode is not None

    async def create(self, mode: EnforcementMode) -> None:
        self._fail("create")
        self.mode = self.mode or str(mode)

    async def was_created(self, account: str) -> bool:
        self._fail("was_created")
        assert account == "operator"
        return self.recorded

    async def mark_created(self, account: str) -> None:
        self._fail("mark_created")
        assert account == "operator"
        self.recorded = True


async def test_a_first_installation_starts_with_mode_enforce() -> None:
    cluster = Cluster()
    await InitialMode(cluster, "operator").attempt()
    assert (cluster.mode, cluster.recorded) == ("Enforce", True)


@pytest.mark.parametrize("mode", ["Enforce", "Pause", "Release", "pause?"])
async def test_an_existing_mode_is_never_changed(mode: str) -> None:
    cluster = Cluster(mode)
    await InitialMode(cluster, "operator").attempt()
    assert (cluster.mode, cluster.recorded) == (mode, True)


async def test_a_deleted_configmap_is_not_created_again_and_the_log_says_how_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster(recorded=True)
    await InitialMode(cluster, "operator").attempt()
    assert cluster.mode is None
    assert "kubectl create configmap oomwarden-control" in caplog.text


@pytest.mark.parametrize("failing", ["was_created", "exists", "create", "mark_created"])
async def test_a_failure_is_logged_and_retried(
    failing: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial_mode, "FIRST_WAIT_SECONDS", 0.0)
    cluster = Cluster()
    cluster.fails = {failing}
    initial = InitialMode(cluster, "operator")
    await initial.attempt()
    assert f"403 Forbidden: no {failing}" in caplog.text
    cluster.fails = set()
    await initial.run()
    assert (cluster.mode, cluster.recorded) == ("Enforce", True)


async def test_a_configmap_that_was_seen_is_never_created_even_if_that_was_not_recorded() -> None:
    cluster = Cluster("Release")
    cluster.fails = {"mark_created"}
    initial = InitialMode(cluster, "operator")
    await initial.attempt()
    cluster.mode = None  # an uninstall deletes it
    await initial.attempt()
    assert cluster.mode is None


STEPS = st.lists(
    st.sampled_from(["operator starts", "pause", "release", "enforce", "delete", "sync", "fail"]),
    max_size=20,
)


@given(STEPS)
async def test_only_a_person_ends_a_pause(steps: list[str]) -> None:
    """A sync changes nothing: no manifest contains the ConfigMap. Deleting it counts as Pause."""
    cluster, person = Cluster(), None
    for step in ["operator starts", *steps]:
        cluster.fails = {"mark_created"} if step == "fail" and cluster.recorded else set()
        if step in {"operator starts", "fail"}:
            await InitialMode(cluster, "operator").attempt()
        elif step == "delete":
            cluster.mode, person = None, "deleted"
        elif step != "sync":
            cluster.mode = person = step.capitalize()
        wanted = {None: "Enforce", "deleted": None}.get(person, person)
        assert cluster.mode == wanted
