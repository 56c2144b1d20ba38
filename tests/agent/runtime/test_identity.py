"""The pods that this boot's agents ran in, including one that died while it started."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from oomwarden.agent.runtime.identity import FILE, MAX_KEPT, load_identities, record_identity

HEAVY = {"asyncio", "sqlite3", "pydantic", "h11", "prometheus_client"}


@pytest.fixture(autouse=True)
def proc(tmp_path: Path) -> Path:
    return booted(tmp_path, "boot-1")


def booted(tmp_path: Path, boot: str) -> Path:
    kernel = tmp_path / "proc/sys/kernel/random"
    kernel.mkdir(parents=True, exist_ok=True)
    (kernel / "boot_id").write_text(f"{boot}\n")
    return tmp_path / "proc"


def start(tmp_path: Path, number: int = 1, limit: str = "31457280") -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    record_identity(
        {
            "POD_UID": f"uid-{number}",
            "POD_NAME": f"agent-{number}",
            "POD_NAMESPACE": "oomwarden",
            "OOMWARDEN_STATE_DIR": str(tmp_path),
            "OOMWARDEN_PROC": str(tmp_path / "proc"),
        },
        tmp_path,
    )


def test_an_agent_stores_its_pod_and_its_limit(tmp_path: Path) -> None:
    start(tmp_path)
    (pod,) = load_identities(tmp_path, "boot-1")
    assert (pod["uid"], pod["name"], pod["namespace"]) == ("uid-1", "agent-1", "oomwarden")
    assert pod["limit"] == 30 << 20


def test_without_a_limit_there_is_none(tmp_path: Path) -> None:
    start(tmp_path, limit="max")
    assert load_identities(tmp_path, "boot-1")[0]["limit"] is None


def test_restarts_of_one_pod_count_once_and_the_newest_pods_are_kept(tmp_path: Path) -> None:
    for number in [*range(20), 19, 18]:
        start(tmp_path, number)
    kept = [pod["uid"] for pod in load_identities(tmp_path, "boot-1")]
    assert len(kept) == MAX_KEPT
    assert kept[-3:] == ["uid-17", "uid-19", "uid-18"]


def test_pods_of_another_boot_are_forgotten(tmp_path: Path) -> None:
    start(tmp_path, 1)
    booted(tmp_path, "boot-2")
    assert load_identities(tmp_path, "boot-2") == []
    start(tmp_path, 2)
    assert [pod["uid"] for pod in load_identities(tmp_path, "boot-2")] == ["uid-2"]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"boot": "boot-1", "po', b"\xff\x00", b"[]", b'{"boot": "boot-1", "pods": 7}',
     b'{"boot": "boot-1", "pods": [7, {"uid": 1}, {"uid": "u", "name": "n"}]}'],
)  # fmt: skip
def test_a_damaged_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert load_identities(tmp_path, "boot-1") == []
    start(tmp_path)
    assert len(load_identities(tmp_path, "boot-1")) == 1


def test_a_directory_that_cannot_be_written_is_named_and_stops_nothing(
    tmp_path: Path, proc: Path
) -> None:
    environment = {"POD_UID": "u", "POD_NAME": "n", "POD_NAMESPACE": "s"}
    where = {"OOMWARDEN_STATE_DIR": str(tmp_path / "away"), "OOMWARDEN_PROC": str(proc)}
    assert "away" in record_identity(environment | where, tmp_path)
    assert "POD_UID" in record_identity(where, tmp_path)


def test_the_identity_is_stored_before_large_modules_are_imported() -> None:
    code = (
        "import json, sys, oomwarden.agent.runtime.identity, oomwarden.kernel.thp;"
        "print(json.dumps(sorted(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert HEAVY.isdisjoint(json.loads(found.stdout))
