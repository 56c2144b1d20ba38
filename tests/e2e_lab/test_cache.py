"""Artifacts are complete or absent, and named after all their inputs."""

import os
from pathlib import Path

import pytest

from e2e.lab import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMWARDEN_CACHE", str(tmp_path / "cache"))


def test_a_stamp_changes_with_text_and_with_a_files_name_and_content(tmp_path: Path) -> None:
    folder = tmp_path / "rootfs"
    folder.mkdir()
    (folder / "a").write_text("1")
    first = cache.stamp("v1", folder)
    (folder / "a").write_text("2")
    changed = cache.stamp("v1", folder)
    (folder / "a").rename(folder / "b")
    renamed = cache.stamp("v1", folder)
    assert len({first, changed, renamed, cache.stamp("v2", folder)}) == 4


def test_inputs_are_hashed_separately() -> None:
    assert cache.stamp("ab", "c") != cache.stamp("a", "bc")


def test_an_artifact_is_built_once() -> None:
    built = []

    def build(path: Path) -> None:
        built.append(path)
        path.write_text("done")

    first = cache.artifact("disk", ["v1"], build, "nothing")
    second = cache.artifact("disk", ["v1"], build, "nothing")
    assert first == second
    assert first.read_text() == "done"
    assert len(built) == 1


def test_an_interrupted_build_leaves_nothing_that_looks_built() -> None:
    def build(path: Path) -> None:
        path.mkdir()
        (path / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.artifact("disk", ["v1"], build, "nothing")
    assert not cache.artifact_path("disk", ["v1"]).exists()
    path = cache.artifact("disk", ["v1"], Path.mkdir, "nothing")
    assert [one.name for one in cache.root().iterdir() if one.name != "locks"] == [path.name]


def test_a_build_removes_versions_that_were_not_used_for_a_week() -> None:
    old = cache.artifact("disk", ["v1"], Path.touch, "nothing")
    recent = cache.artifact("disk", ["v2"], Path.touch, "nothing")
    other = cache.artifact("disk-store", ["v1"], Path.touch, "nothing")
    for path in (old, other):
        os.utime(path, (0, 0))
    cache.artifact("disk", ["v3"], Path.touch, "nothing")
    assert (old.exists(), recent.exists(), other.exists()) == (False, True, True)


def test_unused_versions_can_be_removed_sooner() -> None:
    old = cache.artifact("store", ["v1"], Path.touch, "nothing")
    os.utime(old, (old.stat().st_mtime - 100,) * 2)
    cache.artifact("store", ["v2"], Path.touch, "nothing", kept_unused=99)
    assert not old.exists()


def test_the_cache_is_outside_of_the_checkout_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OOMWARDEN_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache.root() == Path("/home/someone/.cache/oomwarden/lab")
