"""Write the krew manifest of `kubectl oom`: `python3 -m tools.release.krew v1.2.3 FOLDER`.

The folder has the archive of each platform; the manifest goes there too, as oom.yaml.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.release.project import REPOSITORY, version_of_tag

PLATFORMS = (("linux", "amd64"), ("linux", "arm64"), ("darwin", "amd64"), ("darwin", "arm64"))
"""Operating system and architecture, in krew's words. Nobody has tried Windows."""
_HEAD = """\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: oom
spec:
  version: v{version}
  homepage: {repository}
  shortDescription: Explain OOM kills, and which process is next
  description: |
    Says who was killed, whose memory limit it was, what filled it and what to do, from the
    records that oomwarden keeps of every OOM kill. It also ranks what the kernel would
    kill next, previews and checks policies, and writes a page for a post-mortem.

    The commands log, leak, score, overcommit and check need no cluster.
  caveats: |
    Most commands read the records of oomwarden, which has to be installed in the cluster:
    {repository}
    The commands log, leak, score, overcommit and check work without it.
    On Linux, the program needs glibc 2.35 or newer.
    Completion in the shell needs a second name of the program on your PATH:
      ln -s "${{KREW_ROOT:-$HOME/.krew}}/bin/kubectl-oom" ~/.local/bin/kubectl_complete-oom
  platforms:
"""
_PLATFORM = """\
  - selector:
      matchLabels:
        os: {system}
        arch: {machine}
    uri: {repository}/releases/download/v{version}/{archive}
    sha256: "{sha256}"
    bin: kubectl-oom
"""


def archive_name(version: str, system: str, machine: str) -> str:
    """Return the file name of a platform's archive."""
    return f"kubectl-oom_v{version}_{system}_{machine}.tar.gz"


def sha256(archive: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def manifest(version: str, sums: Mapping[str, str]) -> str:
    """Return the manifest.

    Args:
        version: The version, such as 1.2.3.
        sums: The SHA-256 of each archive, by its file name.

    Raises:
        KeyError: There is no sum of a platform's archive.
    """
    parts = [_HEAD.format(version=version, repository=REPOSITORY)]
    for system, machine in PLATFORMS:
        archive = archive_name(version, system, machine)
        parts.append(
            _PLATFORM.format(
                system=system,
                machine=machine,
                repository=REPOSITORY,
                version=version,
                archive=archive,
                sha256=sums[archive],
            )
        )
    return "".join(parts)


def main(tag: str, folder: Path) -> int:
    """Write the manifest; return the exit code."""
    version = version_of_tag(tag)
    if version is None:
        print(f"error: {tag!r} is not v and three numbers, such as v1.2.3.", file=sys.stderr)
        return 1
    archives = (folder / archive_name(version, *platform) for platform in PLATFORMS)
    try:
        sums = {each.name: sha256(each) for each in archives}
    except FileNotFoundError as error:
        print(f"error: There is no {error.filename}.", file=sys.stderr)
        return 1
    (folder / "oom.yaml").write_text(manifest(version, sums), encoding="utf-8")
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case [given, archives]:
            sys.exit(main(given, Path(archives)))
        case _:
            sys.exit("usage: python3 -m tools.release.krew TAG FOLDER")
