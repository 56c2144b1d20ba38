"""What prevents a release: versions that differ, and a changelog that does not have it."""

from pathlib import Path

import pytest

from tools.release.project import ROOT, changelog_section, problems, version_of_tag, versions

CHANGELOG = """# Changelog

## 1.3.0 (unreleased)

- [FEATURE] Later.

## 1.2.3 (2026-11-30)

- [FEATURE] One.
- [BUGFIX] Two,
  in two lines.

## 1.2.2 (2026-10-01)

## 1.2.1

- [BUGFIX] Old.
"""
STATED = {"pyproject.toml": "1.2.3", "version in Chart.yaml": "1.2.3"}


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v1.2.3", "1.2.3"),
        ("v10.0.0", "10.0.0"),
        ("1.2.3", None),
        ("v1.2", None),
        ("v1.2.3.4", None),
        ("v01.2.3", None),
        ("v1.2.3-rc.1", None),
        ("v1.2.3\n", None),
        ("v1.2.3; id", None),
        ("", None),
    ],
)
def test_only_a_v_and_three_numbers_are_a_tag_of_a_release(tag: str, version: str | None) -> None:
    assert version_of_tag(tag) == version


def test_a_release_whose_versions_agree_and_that_the_changelog_has_may_be_made() -> None:
    assert problems("v1.2.3", STATED, CHANGELOG) == []


def test_every_version_that_differs_is_named_with_its_place() -> None:
    stated = {"pyproject.toml": "1.2.3", "Chart.yaml": "1.2.2", "__init__.py": "missing"}
    assert problems("v1.2.3", stated, CHANGELOG) == [
        "Chart.yaml says 1.2.2; the tag v1.2.3 needs 1.2.3.",
        "__init__.py says missing; the tag v1.2.3 needs 1.2.3.",
    ]


def test_a_tag_of_another_form_is_all_that_is_said() -> None:
    (sentence,) = problems("v1.2.3rc1", {}, "")
    assert sentence == "The tag 'v1.2.3rc1' is not v and three numbers, such as v1.2.3."


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("1.3.0", "CHANGELOG.md says 1.3.0 (unreleased): put the date of the release there."),
        ("1.2.2", "CHANGELOG.md has nothing about 1.2.2."),
        ("1.2.1", "CHANGELOG.md says 1.2.1 (): put the date of the release there."),
        ("9.9.9", "CHANGELOG.md has no section: add '## 9.9.9 (YYYY-MM-DD)'."),
    ],
)
def test_a_changelog_without_the_release_prevents_it(version: str, sentence: str) -> None:
    assert problems(f"v{version}", {}, CHANGELOG) == [sentence]


def test_a_section_ends_where_the_next_one_begins() -> None:
    found = changelog_section(CHANGELOG, "1.2.3")
    assert found == ("2026-11-30", "- [FEATURE] One.\n- [BUGFIX] Two,\n  in two lines.")
    assert changelog_section(CHANGELOG, "1.2.1") == ("", "- [BUGFIX] Old.")


def test_a_version_is_no_pattern() -> None:
    assert changelog_section("## 1x2x3 (2026-11-30)\n\n- Other.\n", "1.2.3") is None


def test_all_versions_of_this_repository_are_found_and_agree() -> None:
    found = versions(ROOT)
    assert len(found) == 5
    assert len(set(found.values())) == 1
    (version,) = set(found.values())
    assert version_of_tag(f"v{version}") == version
    assert changelog_section((ROOT / "CHANGELOG.md").read_text(), version)


def test_a_version_that_nobody_states_is_missing(tmp_path: Path) -> None:
    for folder in ("charts/oomwarden", "operator/oomwarden"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "charts/oomwarden/Chart.yaml").write_text('version: 1.2.3\nappVersion: "1.2.4"\n')
    (tmp_path / "operator/oomwarden/__init__.py").write_text('"""A docstring."""\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.5"\n')
    assert list(versions(tmp_path).values()) == ["1.2.5", "missing", "1.2.3", "1.2.4", "missing"]
