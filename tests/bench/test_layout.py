from pathlib import Path

from bench.layout import figures


def test_the_layout_counts_packages_modules_functions_and_names_defined_twice(
    tmp_path: Path,
) -> None:
    for package, modules in {"store": ("file", "database"), "probes": ("pages",)}.items():
        (tmp_path / package).mkdir()
        for name in ("__init__", *modules):
            (tmp_path / package / f"{name}.py").touch()
    (tmp_path / "store/file.py").write_text("class Kept:\n    pass\n\n\ndef read():\n    pass\n")
    (tmp_path / "probes/pages.py").write_text(
        "Kept = dict[str, int]\nN = 2 * 3\n\n\nasync def page():\n    def row():\n        pass\n"
    )
    assert figures(tmp_path) == {
        "packages": "2",
        "modules per package, max / median": "2 / 1.5",
        "lines per module, median / max": "6 / 7",
        "lines per function, median / p90 / max": "2 / 3 / 3",
        "classes and aliases defined twice": "1",
    }
