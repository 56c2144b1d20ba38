from typing import Any

import pytest
from oomwarden.agent.informers.mode import ModeHandler
from oomwarden.core.model.mode import EnforcementMode


def switch(mode: object, name: str = "oomwarden-control") -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"mode": mode}}


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def control(changes: list[str]) -> ModeHandler:
    return ModeHandler(lambda: changes.append("changed"))


def test_the_mode_is_unknown_before_the_api_server_answers(control: ModeHandler) -> None:
    assert control.mode is None


@pytest.mark.parametrize("mode", list(EnforcementMode))
def test_the_configmap_sets_the_mode(
    control: ModeHandler, changes: list[str], mode: EnforcementMode
) -> None:
    control.replace([switch("Pause", "another"), switch(str(mode))])
    assert control.mode is mode
    control.apply(switch(str(mode)))
    assert changes == ["changed"]


def test_without_the_configmap_nothing_is_changed(control: ModeHandler) -> None:
    control.replace([])
    assert control.mode is EnforcementMode.PAUSE


def test_the_deletion_of_the_configmap_pauses(control: ModeHandler) -> None:
    control.apply(switch("Enforce"))
    control.delete(switch("Enforce"))
    assert control.mode is EnforcementMode.PAUSE


def test_after_release_the_deletion_of_the_configmap_keeps_releasing(
    control: ModeHandler,
) -> None:
    control.apply(switch("Release"))
    control.delete(switch("Release"))
    control.replace([])
    assert control.mode is EnforcementMode.RELEASE


@pytest.mark.parametrize(
    "bad", [{"mode": "enforce"}, {"mode": None}, {}, None, {"other": "Pause"}, ["mode"]]
)
def test_a_value_that_cannot_be_read_pauses_and_is_logged(
    control: ModeHandler, bad: object, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = {"metadata": {"name": "oomwarden-control"}, "data": bad}
    control.apply(manifest)
    assert control.mode is EnforcementMode.PAUSE
    control.apply(switch("Enforce"))
    control.apply(manifest)
    modes = [control.mode]
    control.apply(switch("Release"))
    control.apply(manifest)
    assert [*modes, control.mode] == [EnforcementMode.PAUSE, EnforcementMode.RELEASE]
    assert "expected one of Enforce, Pause, Release" in caplog.text


def test_other_configmaps_are_ignored(control: ModeHandler) -> None:
    control.apply(switch("Release", "other"))
    control.delete(switch("Release", "other"))
    assert control.mode is None
