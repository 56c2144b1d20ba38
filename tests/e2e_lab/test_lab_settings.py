"""What the lab works out from versions, settings and this machine."""

import argparse
import io
import tarfile
from pathlib import Path

import pytest

from e2e.lab import node, preflight, tools, versions
from e2e.lab.__main__ import kubelet_setting
from e2e.lab.instance import Instance, Options
from e2e.lab.progress import duration, step


def test_kubernetes_staging_modules_are_replaced_by_their_published_versions() -> None:
    upstream = {
        "Go": "1.26.0",
        "Godebug": [{"Key": "default", "Value": "go1.26"}],
        "Replace": [{"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}}],
    }
    text = tools.kubernetes_module(upstream, ["k8s.io/kubernetes/cmd/kubelet"])
    staging = versions.kubernetes_staging()
    assert f"replace k8s.io/api => k8s.io/api {staging}" in text
    assert "tool k8s.io/kubernetes/cmd/kubelet" in text
    assert "godebug default=go1.26" in text
    assert "staging/src" not in text


def test_every_program_has_a_name_of_its_own() -> None:
    assert {"kubectl", "kubelet", "etcd", "containerd", "helm"} <= set(tools.PROGRAMS)
    inputs = {program.inputs for program in tools.PROGRAMS.values()}
    assert len(inputs) == len(tools.PROGRAMS)


@pytest.mark.parametrize(
    ("text", "version"), [("go1.26.8", (1, 26)), ("go1.9", (1, 9)), ("devel +abc", ())]
)
def test_a_version_of_go_is_read(text: str, version: tuple[int, ...]) -> None:
    assert preflight.go_version(text) == version


def test_available_memory_is_told_in_mebibytes() -> None:
    text = "MemTotal:  9 kB\nMemFree:  8 kB\nMemAvailable:   2097152 kB\n"
    assert preflight.available_memory(text) == 2048


def test_a_setting_of_the_kubelet_is_json_or_else_text() -> None:
    assert kubelet_setting("singleProcessOOMKill=true") == ("singleProcessOOMKill", True)
    assert kubelet_setting("memorySwap={}") == ("memorySwap", {})
    assert kubelet_setting("cgroupRoot=/lab") == ("cgroupRoot", "/lab")
    with pytest.raises(argparse.ArgumentTypeError):
        kubelet_setting("maxPods")


def test_the_identity_disk_holds_what_makes_a_node_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    one = Instance("demo", 7)
    one.pki.mkdir(parents=True)
    for name in ("ca.crt", "node.crt", "node.key", "node.kubeconfig"):
        (one.pki / name).write_text(name)
    node.write_identity(one, Options(kubelet={"maxPods": 5}), tmp_path / "identity.tar")
    with tarfile.open(tmp_path / "identity.tar") as tar:
        files = {name: tar.extractfile(name).read().decode() for name in tar.getnames()}
    assert "10.123.7.2/24" in files["etc/systemd/network/10-lab.network"]
    assert '"maxPods": 5' in files["etc/kubernetes/kubelet.conf.d/instance.conf"]


def test_without_a_terminal_a_step_tells_its_begin_and_its_end() -> None:
    stream = io.StringIO()
    with step("build kubelet", "the compiler", stream):
        pass
    begin, end = stream.getvalue().splitlines()
    assert begin.strip() == "build kubelet: begins; waits for the compiler"
    assert end.strip() == "build kubelet: done after 0 s"


def test_a_step_that_fails_says_so() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"), step("build", "it", stream):
        raise ValueError("broken")
    assert "build: failed after 0 s" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.4, "7 s"), (60, "1 min 00 s"), (205, "3 min 25 s")]
)
def test_a_duration_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text
