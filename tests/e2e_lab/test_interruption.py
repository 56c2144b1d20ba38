"""An interrupted command ends what it started, and nothing else."""

from pathlib import Path

import pytest

from e2e.lab import control_plane, instance, network, processes
from e2e.lab.instance import Instance
from e2e.lab.interruption import ending_what_it_starts

ETCD = control_plane.COMPONENTS[0]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Give an instance that has a folder, and no network."""
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    monkeypatch.setattr(network, "remove", lambda _: None)
    one = instance.find("tried")
    one.run.mkdir(parents=True)
    return one


def start(lab: Instance) -> None:
    processes.start(ETCD, ["sleep", "600"], lab.run)


def interrupted(lab: Instance, *, starts: bool) -> None:
    with ending_what_it_starts(lab):
        if starts:
            start(lab)
        raise KeyboardInterrupt


def test_a_lab_that_an_interrupted_command_has_started_is_ended(
    lab: Instance, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(lab, starts=True)
    assert not processes.is_alive(ETCD, lab.run)
    assert "lab tried, which this run had started, is down" in "".join(capfd.readouterr())


def test_a_lab_that_ran_before_stays(lab: Instance) -> None:
    start(lab)
    with pytest.raises(KeyboardInterrupt):
        interrupted(lab, starts=False)
    assert processes.is_alive(ETCD, lab.run)
    assert processes.stop(ETCD, lab.run)


def test_a_lab_that_came_up_stays(lab: Instance) -> None:
    with ending_what_it_starts(lab):
        start(lab)
    assert processes.stop(ETCD, lab.run)
