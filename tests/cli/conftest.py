from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, command_line


@pytest.fixture
def oom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    """Return `kubectl oom` with a cluster on loopback, whatever the developer's own is."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    yield from command_line(tmp_path, capsys)
