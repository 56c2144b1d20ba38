"""An interrupted command stops what it started, and nothing else."""

from pathlib import Path

import pytest

from e2e.lab import control_plane, instance, network, processes
from e2e.lab.instance import Instance
from e2e.lab.interruption import stop_on_interrupt

ETCD = control_plane.COMPONENTS[0]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Return an instance with a folder and without a network."""
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    monkeypatch.setattr(network, "remove", lambda _: None)
    one = instance.find("tried")
    one.run.mkdir(parents=True)
    return one


def start(lab: Instance) -> None:
    processes.start(ETCD, ["sleep", "600"], lab.run)


def interrupted(lab: Instance, *, starts: bool) -> None:
    with stop_on_interrupt(lab):
        if starts:
            start(lab)
        raise KeyboardInterrupt


def test_a_lab_that_an_interrupted_command_has_started_is_stopped(
    lab: Instance, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(lab, starts=True)
    assert not processes.is_alive(ETCD, lab.run)
    assert "stopped lab tried, which this run had started" in "".join(capfd.readouterr())


def test_a_lab_that_ran_before_keeps_running(lab: Instance) -> None:
    start(lab)
    with pytest.raises(KeyboardInterrupt):
        interrupted(lab, starts=False)
    assert processes.is_alive(ETCD, lab.run)
    assert processes.stop(ETCD, lab.run)


def test_a_lab_that_came_up_keeps_running(lab: Instance) -> None:
    with stop_on_interrupt(lab):
        start(lab)
    assert processes.stop(ETCD, lab.run)
