"""Processes of pytest-xdist share the stories, and must agree on their order."""

import os
import subprocess
import sys
from pathlib import Path

from e2e import times

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
from e2e import scheduling
pytest_addoption = scheduling.add_options
pytest_configure = scheduling.configure
"""
STORIES = """
import pytest
@pytest.mark.parametrize("number", range(12))
def test_story(number):
    pass
"""


def test_two_processes_shuffle_the_stories_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_stories.py").write_text(STORIES, encoding="utf-8")
    pytest = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path)
    words = (*pytest, "-n", "2", tmp_path, "--shuffle")
    # Their durations must not be written to the file of the run that includes this test.
    env = {name: value for name, value in os.environ.items() if name != times.VARIABLE}
    run = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert "12 passed" in run.stdout, run.stdout + run.stderr
