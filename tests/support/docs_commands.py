"""Runs the commands of the documentation that need no cluster, as a reader would paste them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.site.blocks import Block, Command, commands_of, run_of
from tools.site.folder import link_repository
from tools.site.output import differs

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60
_KUBECTL = """\
if [ "$1" != oom ]; then
  echo "kubectl $* needs a cluster: mark the block <!-- run: lab -->" >&2
  exit 99
fi
shift
exec {python} -c 'from oomwarden.cli.start import main; main()' "$@"
"""
_OOM = "exec {python} -c 'from oomwarden.cli.start import main; main()' \"$@\"\n"
_MAKE = 'exec /usr/bin/make --dry-run --directory={root} VENV=/nonexistent "$@" > /dev/null\n'
_HELM = 'exec {python} -m tests.support.helm_renders {helm} "$@"\n'


@dataclass(frozen=True)
class Reader:
    """Someone who follows the documentation on a machine without a cluster and without a network.

    Attributes:
        folder: The working directory. It has the repository's folders that pages name.
        programs: A folder with programs that stand for those which need a cluster.
    """

    folder: Path
    programs: Path

    @classmethod
    def at(cls, folder: Path, helm: Path) -> "Reader":
        """Prepare the working directory and the programs."""
        work, programs = folder / "work", folder / "programs"
        work.mkdir()
        programs.mkdir()
        link_repository(ROOT, work)
        words = {"python": sys.executable, "root": ROOT, "helm": helm}
        scripts = {"kubectl": _KUBECTL, "kubectl-oom": _OOM, "make": _MAKE, "helm": _HELM}
        for name, script in scripts.items():
            program = programs / name
            program.write_text("#!/bin/sh\n" + script.format(**words))
            program.chmod(0o755)
        return cls(work, programs)

    def problems(self, block: Block) -> list[str]:
        """Run the commands of a block; return what is wrong with each."""
        wanted = run_of(block)
        found = []
        for command in commands_of(block):
            ran = self.run(command)
            if ran.returncode != wanted.exit:
                found.append(
                    f"{block.name}: `{command.text}` has exit code {ran.returncode}: {ran.stderr}"
                )
            elif wanted.compares and (
                line := differs(command.output, ran.stdout + ran.stderr, figures_may_differ=False)
            ):
                found.append(
                    f"{block.name}: `{command.text}` does not print {line!r}:\n{ran.stdout}"
                )
        return found

    def run(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Run one command in a shell, without a cluster and a network."""
        environment = {
            "PATH": os.pathsep.join([str(self.programs), "/usr/bin", "/bin"]),
            "HOME": str(self.programs),
            "KUBECONFIG": "/nonexistent",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "operator"), str(ROOT)]),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "COLUMNS": "80",
        }
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command.text],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
