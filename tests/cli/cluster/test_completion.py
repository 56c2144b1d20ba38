from pathlib import Path

import pytest
from oomwarden.cli.kubectl_completion import completions

from tests.support.command_line import CommandLine
from tests.support.kill_objects import oomkill

KILLS = "/apis/oomwarden.io/v1alpha1/namespaces/shop/oomkills"
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace"}


def complete(oom: CommandLine, *words: str) -> list[str]:
    """Return what kubectl would offer for the last word."""
    return completions([*words[:-1], "--kubeconfig", oom.kubeconfig, words[-1]])


def test_pods_with_records_and_records_are_completed(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("api-1-aaaa"), oomkill("db-0-bbbb", pod_name="db-0"))
    assert complete(oom, "why", "") == ["api-1", "api-1-aaaa", "db-0", "db-0-bbbb"]
    assert complete(oom, "why", "db") == ["db-0", "db-0-bbbb"]


def test_the_option_pod_is_completed_with_pods_alone(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("api-1-aaaa"))
    assert completions(["kills", "--kubeconfig", oom.kubeconfig, "--pod", ""]) == ["api-1"]


def test_names_after_a_kind_are_those_of_the_kind(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("api-1-aaaa"))
    assert complete(oom, "why", "pod/") == ["pod/api-1"]
    assert complete(oom, "why", "oomkill/a") == ["oomkill/api-1-aaaa"]
    assert complete(oom, "why", "deployment/") == ["deployment/api"]
    assert complete(oom, "why", "job/") == []


def test_the_namespace_that_was_typed_is_asked(oom: CommandLine) -> None:
    oom.cluster.add(oomkill("shop-1"), oomkill("bank-1", namespace="bank", pod_name="safe"))
    assert complete(oom, "why", "-n", "bank", "") == ["bank-1", "safe"]


def test_namespaces_and_contexts_are_completed(oom: CommandLine) -> None:
    oom.cluster.resources.add("namespaces")
    for name in ("shop", "bank"):
        oom.cluster.objects[f"/api/v1/namespaces/{name}"] = NAMESPACE | {"metadata": {"name": name}}
    oom.cluster.answers["GET", "/api/v1/namespaces"] = (
        200,
        {"items": [{"metadata": {"name": "shop"}}, {"metadata": {"name": "bank"}}]},
    )
    assert completions(["why", "--kubeconfig", oom.kubeconfig, "-n", "b"]) == ["bank"]
    assert completions(["why", "--kubeconfig", oom.kubeconfig, "--context", ""]) == ["fake"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_silent(
    oom: CommandLine, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    oom.cluster.answers["GET", KILLS] = status, {"message": "no"}
    assert complete(oom, "why", "") == []
    assert capsys.readouterr() == ("", "")


def test_without_a_cluster_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert completions(["why", ""]) == []
    assert completions(["why", "--context", ""]) == []
    assert capsys.readouterr() == ("", "")
