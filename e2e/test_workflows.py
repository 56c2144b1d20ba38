"""actionlint, and shellcheck on the scripts in them, find nothing wrong. Needs no cluster."""

import shutil
import subprocess
from pathlib import Path

from e2e.lab.tools import PROGRAMS, find_or_build

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    shellcheck = shutil.which("shellcheck")
    assert shellcheck, "the development tools have it: run this through make"
    program = find_or_build(PROGRAMS["actionlint"])
    options = ("-no-color", "-shellcheck", shellcheck)
    return subprocess.run(
        (program, *options, *files), check=False, capture_output=True, text=True, cwd=ROOT
    )


def test_the_workflows_lint() -> None:
    assert len(WORKFLOWS) > 1
    done = lint(*WORKFLOWS)
    assert done.returncode == 0, done.stdout


def test_the_linter_sees_an_unknown_output_and_an_unquoted_variable(tmp_path: Path) -> None:
    release = (ROOT / ".github/workflows/release.yml").read_text()
    broken = release.replace("outputs.digest", "outputs.digets").replace('"$TAG"', "$TAG")
    assert broken != release
    (tmp_path / "broken.yml").write_text(broken)
    done = lint(tmp_path / "broken.yml")
    assert done.returncode == 1
    assert '"digets" is not defined' in done.stdout
    assert "SC2086" in done.stdout
