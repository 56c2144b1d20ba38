"""A measured target runs as if it was started from a shell."""

import os
import subprocess
from pathlib import Path

from bench.durations import inherited


def test_a_measured_target_does_not_get_the_arguments_of_the_bench(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n\t@echo $(ARGS) $(KEPT)\n", encoding="utf-8")
    path = {"PATH": os.environ["PATH"]}
    outer = {"MAKEFLAGS": " -- ARGS=test-cold", "ARGS": "test-cold", "KEPT": "kept"} | path
    make = ("make", "--silent", "--directory", tmp_path)
    for environment, printed in ((outer, "test-cold kept"), (inherited(outer), "kept")):
        run = subprocess.run(make, env=environment, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == printed
