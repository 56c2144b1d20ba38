"""Print the notes of a release: `python3 -m tools.release.notes v1.2.3 sha256:...`.

They are the changelog's section, after how to install and verify this very version.
"""

import sys

from tools.release.project import REPOSITORY, ROOT, changelog_section, version_of_tag

_HEAD = """\
```
helm install oomwarden oci://ghcr.io/oomwarden/charts/oomwarden --version {version} \\
  -n oomwarden --create-namespace
```

The image is `ghcr.io/oomwarden/oomwarden:{version}`, digest `{digest}`. How to verify it, the chart
and the archives: [docs/release.md]({repository}/blob/v{version}/docs/release.md#verify-a-release).

## Changes
"""


def notes(version: str, digest: str, changelog: str) -> str | None:
    """Return the notes in Markdown; None if the changelog has no section for the version.

    Args:
        version: The version, such as 1.2.3.
        digest: The digest of the image.
        changelog: The text of CHANGELOG.md.
    """
    section = changelog_section(changelog, version)
    if section is None:
        return None
    head = _HEAD.format(version=version, digest=digest, repository=REPOSITORY)
    return f"{head}\n{section[1]}\n"


def main(tag: str, digest: str) -> int:
    """Print the notes; return the exit code."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    text = notes(version_of_tag(tag) or tag, digest, changelog)
    if text is None:
        print(f"error: CHANGELOG.md has no section for {tag}.", file=sys.stderr)
        return 1
    print(text, end="")
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given, image]:
            sys.exit(main(given, image))
        case _:
            sys.exit("usage: python3 -m tools.release.notes TAG IMAGE_DIGEST")
