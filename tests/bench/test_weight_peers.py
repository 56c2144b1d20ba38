from pathlib import Path

import pytest

from bench.weight.install import runtime, tree_at
from bench.weight.peers import PEERS, build_all


def test_a_directory_without_peers_names_those_that_it_could_have(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no checkout of kubernetes-oomkill-exporter, node-"):
        build_all(tmp_path, tmp_path)


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(PEERS))
    (tmp_path / name).mkdir()
    (tmp_path / name / "go.mod").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=f"{name} needs Go: install it"):
        build_all(tmp_path, tmp_path)


def test_an_unknown_interpreter_and_an_unknown_revision_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "runtime.txt"
    lock.touch()
    with pytest.raises(RuntimeError, match=r"there is no python9\.9: install it"):
        runtime("python9.9", lock)
    with pytest.raises(RuntimeError, match="no-such-revision"), tree_at("no-such-revision"):
        pass
