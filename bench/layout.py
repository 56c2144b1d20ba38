"""How the product's code is laid out: packages, modules, functions, and names defined twice.

`BASE=REVISION make bench ARGS=layout` prints the figures of that commit, too. Needs no cluster.
"""

import ast
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median, quantiles

from bench.figures import table

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = Path("operator", "oomwarden")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> None:
    """Print the figures of this tree, and of the commit that BASE names."""
    now = figures(ROOT / PRODUCT)
    base = os.environ.get("BASE")
    before = _figures_of_commit(base) if base else {}
    rows = [(name, f"{before[name]} -> {text}" if before else text) for name, text in now.items()]
    table("Layout of the product's code" + (f", since {base}" if base else ""), rows)


def figures(product: Path) -> dict[str, str]:
    """Return the figures of the code below a directory, by what they count."""
    packages = [modules for modules in modules_by_package(product).values() if modules]
    sizes, paths = list(map(len, packages)), [path for modules in packages for path in modules]
    lines = [len(path.read_text().splitlines()) for path in paths]
    lengths = [length for path in paths for length in _function_lengths(path)]
    middle, p90 = median(lengths), quantiles(lengths, n=10, method="inclusive")[8]
    twice = [name for name, places in definitions(product).items() if len(places) > 1]
    return {
        "packages": str(len(packages)),
        "modules per package, max / median": f"{max(sizes)} / {median(sizes):g}",
        "lines per module, median / max": f"{median(lines):g} / {max(lines)}",
        "lines per function, median / p90 / max": f"{middle:g} / {p90:.0f} / {max(lengths)}",
        "classes and aliases defined twice": str(len(twice)),
    }


def modules_by_package(product: Path) -> dict[Path, list[Path]]:
    """Return the modules of each package below a directory, without its `__init__.py`."""
    packages = [path.parent for path in product.rglob("__init__.py") if path.parent != product]
    return {
        package: [each for each in package.glob("*.py") if each.name != "__init__.py"]
        for package in packages
    }


def definitions(product: Path) -> dict[str, list[str]]:
    """Return the modules that define each class or alias of a type at their top level, by name."""
    defined: dict[str, list[str]] = {}
    for path in product.rglob("*.py"):
        for name in _classes_and_aliases(ast.parse(path.read_text()).body):
            defined.setdefault(name, []).append(path.name)
    return defined


def _classes_and_aliases(statements: Iterable[ast.stmt]) -> Iterable[str]:
    for node in statements:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp()):
                if not name.isupper():
                    yield name


def _function_lengths(path: Path) -> list[int]:
    nodes = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, Definition)]
    return [(each.end_lineno or each.lineno) - each.lineno + 1 for each in nodes]


def _figures_of_commit(revision: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory, "tree.tar")
        command = ("git", "archive", f"--output={archive}", revision, str(PRODUCT))
        subprocess.run(command, cwd=ROOT, check=True)
        with tarfile.open(archive) as tree:
            tree.extractall(directory, filter="data")
        return figures(Path(directory) / PRODUCT)
