"""Check that the repository is ready for a release: `python3 -m tools.release.check v1.2.3`.

It prints everything that is wrong, so that one more commit mends all of it.
"""

import sys

from tools.release.project import ROOT, problems, versions


def main(tag: str) -> int:
    """Print what is wrong; return the exit code."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = problems(tag, versions(ROOT), changelog)
    for each in found:
        print(f"error: {each}", file=sys.stderr)
    if not found:
        print(f"{tag} is ready to be released")
    return 1 if found else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given]:
            sys.exit(main(given))
        case _:
            sys.exit("usage: python3 -m tools.release.check TAG")
