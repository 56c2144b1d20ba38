"""Nothing but a person, or an uninstallation that ran to its end, changes the switch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube import ApiError
from lightkube.models.meta_v1 import Status
from oomwarden.controller import initial_mode
from oomwarden.controller.initial_mode import InitialMode
from oomwarden.core.model.mode import EnforcementMode


class Cluster:
    """The switch's mode, None: there is none; and whether the account says that it was made."""

    def __init__(self, mode: str | None = None, *, noted: bool = False) -> None:
        self.mode = mode
        self.noted = noted
        self.fails: set[str] = set()

    def _fail(self, what: str) -> None:
        if what in self.fails:
            raise ApiError(status=Status(code=403, reason="Forbidden", message=f"no {what}"))

    async def exists(self) -> bool:
        self._fail("exists")
        return self.mode is not None

    async def make(self, mode: EnforcementMode) -> None:
        self._fail("make")
        self.mode = self.mode or str(mode)

    async def was_made(self, account: str) -> bool:
        self._fail("was_made")
        assert account == "operator"
        return self.noted

    async def note_made(self, account: str) -> None:
        self._fail("note_made")
        assert account == "operator"
        self.noted = True


async def test_a_first_installation_gets_a_switch_at_enforce() -> None:
    cluster = Cluster()
    await InitialMode(cluster, "operator").attempt()
    assert (cluster.mode, cluster.noted) == ("Enforce", True)


@pytest.mark.parametrize("mode", ["Enforce", "Pause", "Release", "pause?"])
async def test_a_switch_that_is_there_stays_whoever_made_it(mode: str) -> None:
    cluster = Cluster(mode)
    await InitialMode(cluster, "operator").attempt()
    assert (cluster.mode, cluster.noted) == (mode, True)


async def test_a_switch_that_somebody_deleted_is_not_made_again_and_the_log_says_how_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster(noted=True)
    await InitialMode(cluster, "operator").attempt()
    assert cluster.mode is None
    assert "kubectl create configmap oomwarden-control" in caplog.text


@pytest.mark.parametrize("failing", ["was_made", "exists", "make", "note_made"])
async def test_what_fails_is_said_and_tried_again(
    failing: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial_mode, "FIRST_WAIT_SECONDS", 0.0)
    cluster = Cluster()
    cluster.fails = {failing}
    switch = InitialMode(cluster, "operator")
    await switch.attempt()
    assert f"403 Forbidden: no {failing}" in caplog.text
    cluster.fails = set()
    await switch.run()
    assert (cluster.mode, cluster.noted) == ("Enforce", True)


async def test_an_operator_that_saw_a_switch_makes_none_though_it_could_not_note_it() -> None:
    cluster = Cluster("Release")
    cluster.fails = {"note_made"}
    switch = InitialMode(cluster, "operator")
    await switch.attempt()
    cluster.mode = None  # an uninstallation takes it away
    await switch.attempt()
    assert cluster.mode is None


STEPS = st.lists(
    st.sampled_from(["operator starts", "pause", "release", "enforce", "delete", "sync", "fail"]),
    max_size=20,
)


@given(STEPS)
async def test_whatever_happens_only_a_person_ends_a_pause(steps: list[str]) -> None:
    """A sync changes nothing: no manifest has the switch. Deleting counts as Pause."""
    cluster, person = Cluster(), None
    for step in ["operator starts", *steps]:
        cluster.fails = {"note_made"} if step == "fail" and cluster.noted else set()
        if step in {"operator starts", "fail"}:
            await InitialMode(cluster, "operator").attempt()
        elif step == "delete":
            cluster.mode, person = None, "deleted"
        elif step != "sync":
            cluster.mode = person = step.capitalize()
        wanted = {None: "Enforce", "deleted": None}.get(person, person)
        assert cluster.mode == wanted
