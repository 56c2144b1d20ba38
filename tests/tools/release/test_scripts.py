"""The scripts that the release workflow calls: what they write, and how they refuse."""

import hashlib
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from e2e import demo
from tools.release import check, krew, notes, plugin
from tools.release.project import IMAGE, ROOT, versions

VERSION = versions(ROOT)["pyproject.toml"]
CHANGELOG = "# Changelog\n\n## 1.2.3 (2026-11-30)\n\n- [FEATURE] One.\n"


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    for platform in krew.PLATFORMS:
        (tmp_path / krew.archive_name("1.2.3", *platform)).write_text(" ".join(platform))
    return tmp_path


def test_the_notes_have_the_changes_and_how_to_install_this_version() -> None:
    text = notes.notes("1.2.3", "sha256:ab", CHANGELOG)
    assert text
    assert text.endswith("## Changes\n\n- [FEATURE] One.\n")
    assert "oci://ghcr.io/oomwarden/charts/oomwarden --version 1.2.3 \\\n" in text
    assert "`ghcr.io/oomwarden/oomwarden:1.2.3`, digest `sha256:ab`" in text
    assert notes.notes("1.2.4", "sha256:ab", CHANGELOG) is None


def test_the_page_that_the_notes_link_to_has_that_section() -> None:
    text = notes.notes("1.2.3", "sha256:ab", CHANGELOG) or ""
    (page, anchor) = re.findall(r"blob/v1\.2\.3/([\w./]+)#([\w-]+)", text)[0]
    heading = anchor.replace("-", " ").capitalize()
    assert f"## {heading}\n" in (ROOT / page).read_text()


def test_a_release_that_the_changelog_lacks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert notes.main("v99.0.0", "sha256:ab") == 1
    assert check.main("v99.0.0") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "error: CHANGELOG.md has no section" in printed.err
    assert printed.err.count("error:") == 7


def test_the_manifest_has_each_platform_with_the_sum_of_its_archive(archives: Path) -> None:
    assert krew.main("v1.2.3", archives) == 0
    written = yaml.safe_load((archives / "oom.yaml").read_text())
    assert written["metadata"]["name"] == "oom"
    assert written["spec"]["version"] == "v1.2.3"
    assert len(written["spec"]["platforms"]) == len(krew.PLATFORMS)
    for each in written["spec"]["platforms"]:
        labels = each["selector"]["matchLabels"]
        name = krew.archive_name("1.2.3", labels["os"], labels["arch"])
        base = "https://github.com/oomwarden/oomwarden/releases/download/v1.2.3/"
        assert each["uri"] == base + name
        assert each["sha256"] == hashlib.sha256((archives / name).read_bytes()).hexdigest()
        assert each["bin"] == plugin.NAME


def test_the_manifest_follows_krews_rules_for_texts(archives: Path) -> None:
    krew.main("v1.2.3", archives)
    spec = yaml.safe_load((archives / "oom.yaml").read_text())["spec"]
    assert len(spec["shortDescription"]) < 50
    assert not spec["shortDescription"].endswith(".")
    assert spec["homepage"] == "https://github.com/oomwarden/oomwarden"
    assert all(len(line) <= 90 for line in (spec["description"] + spec["caveats"]).splitlines())
    assert "${KREW_ROOT:-$HOME/.krew}" in spec["caveats"]


def test_a_sum_of_digits_alone_stays_text() -> None:
    sums = {krew.archive_name("1.2.3", *each): "1" * 64 for each in krew.PLATFORMS}
    spec = yaml.safe_load(krew.manifest("1.2.3", sums))["spec"]
    assert {each["sha256"] for each in spec["platforms"]} == {"1" * 64}


def test_a_missing_archive_or_another_tag_is_named(
    archives: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = krew.archive_name("1.2.3", "darwin", "arm64")
    (archives / name).unlink()
    assert krew.main("v1.2.3", archives) == 1
    assert name in capsys.readouterr().err
    assert krew.main("latest", archives) == 1
    assert "'latest' is not v and three numbers" in capsys.readouterr().err
    assert not (archives / "oom.yaml").exists()


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "text").write_text("text")
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    (folder / "link").symlink_to("program")
    plugin.pack(folder, tmp_path / "first.tar.gz")
    (folder / "sub" / "text").touch()
    plugin.pack(folder, tmp_path / "second.tar.gz")
    assert (tmp_path / "first.tar.gz").read_bytes() == (tmp_path / "second.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "first.tar.gz") as tar:
        members = {each.name: each for each in tar}
    assert list(members) == ["link", "program", "sub", "sub/text"]
    assert members["program"].mode & 0o111
    assert members["link"].linkname == "program"


def test_an_archive_that_does_not_work_fails_the_build(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / plugin.NAME).write_text("#!/bin/sh\necho 0.0.0\n")
    (folder / plugin.NAME).chmod(0o755)
    plugin.pack(folder, tmp_path / "broken.tar.gz")
    with pytest.raises(SystemExit, match=r"kubectl-oom --version. does not work: 0\.0\.0"):
        plugin.try_out(tmp_path / "broken.tar.gz")


def test_a_platform_without_an_archive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SystemExit, match="no archive for linux on riscv64"):
        plugin.this_platform()


def test_the_published_image_has_the_same_name_everywhere() -> None:
    values = yaml.safe_load((ROOT / "charts/oomwarden/values.yaml").read_text())
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert {values["image"]["repository"], workflow["env"]["IMAGE"], demo.PUBLISHED} == {IMAGE}
    manifests = (ROOT / "deploy/manifests/install.yaml").read_text()
    assert manifests.count(f'image: "{IMAGE}:{VERSION}"') == 2


def test_the_plugins_pins_are_those_that_developers_test_with() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    tested, bundled = pins("dev.txt"), pins("plugin.txt")
    build_only = {"altgraph", "macholib", "pyinstaller", "pyinstaller-hooks-contrib"}
    assert {name for name in bundled if name not in tested} <= build_only | {"setuptools"}
    assert {name: bundled[name] for name in bundled.keys() & tested} == {
        name: tested[name] for name in bundled.keys() & tested
    }
