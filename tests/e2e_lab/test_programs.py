"""All programs share one module, and each group is one build."""

from pathlib import Path

import pytest

from e2e.lab import go_build, go_module, tools, versions
from e2e.lab.go_module import PINNED, PinnedModule

UPSTREAM = {
    "Go": "1.26.0",
    "Godebug": [{"Key": "default", "Value": "go1.26"}],
    "Replace": [{"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}}],
}


def test_kubernetes_staging_modules_are_replaced_by_their_published_versions() -> None:
    text = go_module.module_text(UPSTREAM, PINNED, ["k8s.io/kubernetes/cmd/kubelet"])
    staging = versions.kubernetes_staging()
    assert f"replace k8s.io/api => k8s.io/api {staging}" in text
    assert "tool k8s.io/kubernetes/cmd/kubelet" in text
    assert "godebug default=go1.26" in text
    assert "staging/src" not in text


def test_a_module_without_kubernetes_requires_what_is_pinned_and_replaces_nothing() -> None:
    text = go_module.module_text(
        {}, [PinnedModule("sigs.k8s.io/kind", "v1.2.3")], ["sigs.k8s.io/kind"]
    )
    assert "require sigs.k8s.io/kind v1.2.3" in text
    assert "replace" not in text


def test_every_program_has_a_unique_name() -> None:
    assert {"kubectl", "kubelet", "etcd", "containerd", "helm"} <= set(tools.PROGRAMS)
    packages = {program.package for program in tools.PROGRAMS.values()}
    assert len(packages) == len(tools.PROGRAMS)


@pytest.mark.parametrize(
    ("package", "name"),
    [("k8s.io/kubernetes/cmd/kubelet", "kubelet"), ("go.etcd.io/etcd/server/v3", "server")],
)
def test_a_program_is_found_under_the_name_that_go_gives_it(package: str, name: str) -> None:
    assert tools.file_name(package) == name


def test_every_program_belongs_to_a_pinned_module() -> None:
    programs = [*tools.PROGRAMS.values(), tools.KIND]
    assert all(any(one.package.startswith(p.path) for p in PINNED) for one in programs)


def test_compilers_share_the_memory_unless_there_is_too_little() -> None:
    assert go_build.compiler_memory(8192, 2) == {"GOGC": "off", "GOMEMLIMIT": "3072MiB"}
    assert go_build.compiler_memory(8192, 8) == {}


def test_only_source_that_is_still_to_be_compiled_is_downloaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    downloaded: list[str] = []
    monkeypatch.setattr(tools, "_is_built", lambda group: group != tools.NODE)
    monkeypatch.setattr(go_module, "download", downloaded.extend)
    tools.download(tools.GROUPS)
    assert downloaded == ["k8s.io/kubernetes/cmd/kubelet"]
    monkeypatch.setattr(tools, "_is_built", lambda _: True)
    monkeypatch.setattr(go_module, "download", None)
    tools.download(tools.GROUPS)


@pytest.mark.parametrize("module", tools.LOCKED_MODULES, ids=lambda module: module.name)
def test_a_locked_module_has_the_pinned_versions_and_all_its_commands(module: Path) -> None:
    lines = (module / "go.mod").read_text().splitlines()
    packages = tools.locked_packages(module)
    assert {line for line in lines if line.startswith("tool ")} == {f"tool {p}" for p in packages}
    for pin in (one for one in PINNED if any(p.startswith(one.path) for p in packages)):
        assert f"require {pin}" in lines, "stale: make lock"


def test_kubernetes_own_module_has_the_published_staging_modules() -> None:
    lines = (go_module.LOCKED / "go.mod").read_text().splitlines()
    assert f"replace k8s.io/api => k8s.io/api {versions.kubernetes_staging()}" in lines
