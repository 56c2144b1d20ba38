"""Instances never share a subnet, a namespace or a folder."""

from pathlib import Path

import pytest

from e2e.lab import instance
from e2e.lab.errors import LabError
from e2e.lab.instance import Options, state_of


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))


def test_two_instances_share_nothing() -> None:
    demo, test = instance.find("demo"), instance.find("test")
    for what in ("subnet", "host_ip", "node_ip", "namespace", "folder", "run", "kubeconfig"):
        assert getattr(demo, what) != getattr(test, what)


def test_a_name_keeps_its_subnet() -> None:
    instance.find("first")
    before = instance.find("demo")
    assert instance.find("demo") == before
    assert instance.find("demo") in instance.all_instances()


def test_the_lowest_free_subnet_is_assigned() -> None:
    assert instance.free_subnet({1, 2, 4}) == 3


def test_when_no_subnet_is_free_the_error_names_the_remedy() -> None:
    with pytest.raises(LabError, match="remove an instance's folder"):
        instance.free_subnet(set(range(256)))


@pytest.mark.parametrize("name", ["", "Demo", "../demo", "a b", "x" * 40])
def test_a_name_that_is_no_valid_namespace_name_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="cannot name a lab"):
        instance.find(name)


def test_an_instance_made_of_different_parts_has_a_different_state() -> None:
    same = state_of(Options(), disk=Path("a"))
    assert same == state_of(Options(), disk=Path("a"))
    assert same != state_of(Options(), disk=Path("b"))
    assert same != state_of(Options(memory=3072), disk=Path("a"))
    assert same != state_of(Options(kubelet={"maxPods": 5}), disk=Path("a"))
