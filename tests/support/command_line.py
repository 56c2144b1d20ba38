"""Runs `kubectl oom` in this process, as a person would call it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from oomwarden.cli.main import run

from tests.support.fake_cluster import FakeCluster


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class CommandLine:
    """Runs commands against a cluster, or without one."""

    capsys: pytest.CaptureFixture[str]
    cluster: FakeCluster
    kubeconfig: str

    def __call__(self, *arguments: str) -> Ran:
        """Run against the cluster."""
        return self.offline(*arguments, "--kubeconfig", self.kubeconfig)

    def offline(self, *arguments: str) -> Ran:
        """Run without a kubeconfig."""
        code = run(list(arguments))
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)


def command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    """Yield the command line with an empty cluster; for fixtures."""
    cluster = FakeCluster()
    with cluster.serve(tmp_path) as kubeconfig:
        yield CommandLine(capsys, cluster, kubeconfig)
