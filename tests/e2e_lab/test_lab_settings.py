"""What the lab derives from versions, settings and this machine."""

import argparse
import tarfile
from pathlib import Path

import pytest

from e2e.lab import node, preflight
from e2e.lab.__main__ import kubelet_setting
from e2e.lab.instance import Instance, Options
from e2e.lab.memory import available_memory
from tests.support.tars import content


@pytest.mark.parametrize(
    ("text", "version"), [("go1.26.8", (1, 26)), ("go1.9", (1, 9)), ("devel +abc", ())]
)
def test_go_versions_are_parsed(text: str, version: tuple[int, ...]) -> None:
    assert preflight.go_version(text) == version


def test_available_memory_is_returned_in_mebibytes() -> None:
    text = "MemTotal:  9 kB\nMemFree:  8 kB\nMemAvailable:   2097152 kB\n"
    assert available_memory(text) == 2048


def test_a_kubelet_setting_is_json_or_else_text() -> None:
    assert kubelet_setting("singleProcessOOMKill=true") == ("singleProcessOOMKill", True)
    assert kubelet_setting("memorySwap={}") == ("memorySwap", {})
    assert kubelet_setting("cgroupRoot=/lab") == ("cgroupRoot", "/lab")
    with pytest.raises(argparse.ArgumentTypeError):
        kubelet_setting("maxPods")


def test_the_identity_disk_contains_what_is_specific_to_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path))
    one = Instance("demo", 7)
    one.pki.mkdir(parents=True)
    for name in ("ca.crt", "node.crt", "node.key", "node.kubeconfig"):
        (one.pki / name).write_text(name)
    node.write_identity(one, Options(kubelet={"maxPods": 5}), tmp_path / "identity.tar")
    with tarfile.open(tmp_path / "identity.tar") as tar:
        files = {name: content(tar, name).decode() for name in tar.getnames()}
    assert "NODE_IP=10.123.7.2" in files["etc/lab/instance.env"]
    assert '"maxPods": 5' in files["etc/kubernetes/kubelet.conf.d/instance.conf"]
