"""Write requirements/*.txt, the Go modules of the lab, and e2e/schemas: all from pinned versions.

Requirements and modules have hashes, and no URL of a registry.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

from e2e.lab import go_module, tools
from tools import chart_schemas

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = [
    "--quiet", "--generate-hashes", "--no-strip-extras", "--allow-unsafe", "--no-header",
    "--no-annotate", "--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links",
]  # fmt: skip


def group(groups: dict[str, list[str | dict[str, str]]], name: str) -> list[str]:
    """Flatten a dependency group of PEP 735."""
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else group(groups, entry["include-group"])
    return found


def compile_pins(output: str, requirements: list[str]) -> None:
    """Resolve `requirements` into requirements/`output`, keeping pins that still fit."""
    source = ROOT / "requirements" / (output + ".in")
    source.write_text("\n".join(requirements) + "\n")
    target = ROOT / "requirements" / output
    command = [
        sys.executable,
        "-m",
        "piptools",
        "compile",
        *OPTIONS,
        "-o",
        str(target),
        str(source),
    ]
    try:
        subprocess.run(command, check=True, cwd=ROOT)
    finally:
        source.unlink()


def main() -> None:
    """Lock the dependencies of the image, its build, developers, the plugin and the lab."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = project["project"]["dependencies"]
    compile_pins("runtime.txt", runtime)
    dev = group(project["dependency-groups"], "dev")
    extras = project["project"]["optional-dependencies"]
    every = [each for extra in extras.values() for each in extra]
    compile_pins("dev.txt", ["-c runtime.txt", *runtime, *every, *dev])
    build = project["build-system"]["requires"]
    compile_pins("build.txt", ["-c dev.txt", *build])
    # `kubectl oom` imports nothing else of the agent's and the operator's dependencies.
    used = [each for each in runtime if each.startswith(("msgspec", "pydantic"))]
    plugin = group(project["dependency-groups"], "plugin")
    compile_pins("plugin.txt", ["-c dev.txt", *used, *extras["cli"], *plugin, *build])
    for module in tools.LOCKED_MODULES:
        go_module.write_module(module, tools.locked_packages(module))
    chart_schemas.main()


if __name__ == "__main__":
    main()
