from pathlib import Path

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
