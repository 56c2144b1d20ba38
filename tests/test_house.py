import ast
import re
from pathlib import Path

from bench.layout import PRODUCT, definitions, modules_by_package

ROOT = Path(__file__).resolve().parent.parent


def test_the_source_root_never_shadows_pythons_own_operator() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_no_python_file_outgrows_250_lines() -> None:
    files = [
        path
        for top in ("operator", "e2e", "bench", "tools", "tests")
        for path in (ROOT / top).rglob("*.py")
    ]
    long = {
        str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > 250
    }
    assert long == {}


def test_no_package_has_more_than_12_modules() -> None:
    modules = modules_by_package(ROOT / PRODUCT)
    assert len(modules) > 30
    assert {p.name: len(found) for p, found in modules.items() if len(found) > 12} == {}


def test_no_class_or_alias_is_defined_in_two_modules() -> None:
    defined = definitions(ROOT / PRODUCT)
    assert len(defined) > 200
    assert {name: found for name, found in defined.items() if len(found) > 1} == {}


def test_the_agents_parts_are_complete_when_they_are_made() -> None:
    """Nobody sets an attribute of another part afterwards: each has its own `self` alone."""
    agent = ROOT / "operator/oomwarden/agent"
    files = [agent / "run.py", *(agent / "flows").glob("*.py")]
    assert len(files) > 4
    set_later = {
        f"{path.name}:{target.lineno}: {ast.unparse(target)}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        for target in ast.walk(ast.Tuple(node.targets))
        if isinstance(target, ast.Attribute)
        and isinstance(target.ctx, ast.Store)
        and ast.unparse(target.value) != "self"
    }
    assert set_later == set()


def test_every_trap_has_tests_that_exist() -> None:
    text = (ROOT / "docs/traps.md").read_text()
    table = re.findall(r"^\| (\d+)\. (.*)$", text, re.MULTILINE)
    assert [int(number) for number, _ in table] == list(range(1, 18))
    files = [path.read_text() for top in ("tests", "e2e") for path in (ROOT / top).rglob("*.py")]
    written = set(re.findall(r"def (test_\w+)", "\n".join(files)))
    named = [set(re.findall(r"`(test_\w+)`", row)) for _, row in table]
    assert all(named)
    assert set().union(*named) <= written
