"""Where Prometheus comes from: the PATH, then this machine's package sources."""

from pathlib import Path

import pytest

from e2e.lab import cache, prometheus
from e2e.lab.errors import LabError


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_programs_on_the_path_are_used_and_nothing_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [program(tmp_path, name, "exit 0") for name in prometheus.NAMES]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prometheus.build() == prometheus.Programs(*wanted)


def test_a_machine_without_apt_is_asked_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "promtool", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"put `prometheus` and `promtool`.* on the PATH"):
        prometheus.build()


def test_a_failed_download_leaves_nothing_behind_and_names_its_reason_and_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "apt-get", "echo 'E: Unable to locate package prometheus' >&2; exit 100")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        LabError, match=r"on the PATH: .*\n *E: Unable to locate package prometheus"
    ):
        prometheus.build()
    inputs = [prometheus.PACKAGE, Path("/etc/os-release").read_text()]
    assert not cache.artifact_path("prometheus", inputs).exists()
