"""Instances never share a subnet, a namespace or a folder."""

from pathlib import Path

import pytest

from e2e.lab import instance
from e2e.lab.errors import LabError
from e2e.lab.instance import Options, state_of


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))


def test_two_names_have_nothing_in_common() -> None:
    demo, test = instance.find("demo"), instance.find("test")
    for what in ("subnet", "host_ip", "node_ip", "namespace", "folder", "run", "kubeconfig"):
        assert getattr(demo, what) != getattr(test, what)


def test_a_name_keeps_its_subnet() -> None:
    instance.find("first")
    before = instance.find("demo")
    assert instance.find("demo") == before
    assert instance.find("demo") in instance.all_instances()


def test_the_lowest_free_subnet_is_given_out() -> None:
    assert instance.free_subnet({1, 2, 4}) == 3


def test_when_all_subnets_are_given_out_the_remedy_is_told() -> None:
    with pytest.raises(LabError, match="remove an instance's folder"):
        instance.free_subnet(set(range(256)))


@pytest.mark.parametrize("name", ["", "Demo", "../demo", "a b", "x" * 40])
def test_a_name_that_cannot_name_a_namespace_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="cannot name a lab"):
        instance.find(name)


def test_an_instance_made_of_something_else_is_told_apart() -> None:
    same = state_of(Options(), disk=Path("a"))
    assert same == state_of(Options(), disk=Path("a"))
    assert same != state_of(Options(), disk=Path("b"))
    assert same != state_of(Options(memory=3072), disk=Path("a"))
    assert same != state_of(Options(kubelet={"maxPods": 5}), disk=Path("a"))
