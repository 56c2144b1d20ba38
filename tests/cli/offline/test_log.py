import bz2
import gzip
import io
import json
import lzma
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support.command_line import CommandLine
from tests.support.log_forms import FORMS
from tests.support.oom_bodies import BODIES

POD = FORMS["syslog with stamp"](BODIES["6.1 pod"].said())
LINE = (
    "[{at}.5] Out of memory: Killed process {at} (hog) total-vm:9kB, anon-rss:8192kB, file-rss:0kB"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "kern.log"
    path.write_text(POD)
    return path


def many(count: int) -> str:
    return "".join(LINE.format(at=at) + "\n" for at in range(1, count + 1))


def test_a_kill_is_explained_on_one_screen(oom: CommandLine, log: Path) -> None:
    ran = oom.offline("log", str(log))
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0] == "hog (pid 4242, user 1000) was killed"
    text = " ".join(ran.out.split())
    for part in (
        "Why pod 0a1b2c3d-1111-2222-3333-444455556666 (Burstable) reached its memory limit",
        "When May 16 09:23:20, 5000.260000 s after boot, on node-a, line 11",
        "Used memory: 64Mi used of 64Mi, 33 times at the limit; no swap allowed",
        "anonymous memory 57.2Mi, page cache 4Ki",
        "Lived in container abababababab of pod 0a1b2c3d-1111-2222-3333-444455556666",
        "anon-rss 31.3Mi its own memory",
        "oom_score_adj 992: as the kubelet sets it for a Burstable pod that requests 0.8 %",
        "Asked by java (pid 4242), for memory of the kernel (gfp_mask GFP_KERNEL)",
        "> 4242 hog 32.3Mi 0 992",
    ):
        assert part in text


def test_what_is_missing_is_said(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "ticket"
    path.write_text("Memory cgroup out of memory: Killed process 77 (app) anon-rss:8kB")
    text = " ".join(oom.offline("log", str(path)).out.split())
    assert "Why a cgroup reached its memory limit" in text
    missing = text.partition("Missing ")[2]
    for part in ("the time", "the victim's cgroup", "whose limit it was", "total-vm", "file-rss"):
        assert part in missing


def test_many_kills_are_a_table_with_a_summary(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "dmesg"
    path.write_text(many(5))
    ran = oom.offline("log", str(path))
    assert ran.lines[0] == (
        "5 kills, 5 because the machine ran out of memory, from 1.500000 to 5.500000"
    )
    assert ran.lines[2].split() == ["TIME", "PID", "COMMAND", "LIMIT", "OF", "LIMIT", "RSS", "ADJ"]
    assert ran.lines[3].split()[:6] == ["1.500000", "1", "hog", "the", "machine", "<none>"]
    assert oom.offline("log", str(path), "--details").out.count("was killed") == 5


def test_kills_can_be_selected(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "dmesg"
    path.write_text(many(5))
    assert oom.offline("log", str(path), "--last", "2", "-o", "name").lines == ["4/hog", "5/hog"]
    assert oom.offline("log", str(path), "--pid", "3", "-o", "name").lines == ["3/hog"]
    ran = oom.offline("log", str(path), "--pid", "99")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: {path} has no OOM kill of process 99\n"


def test_json_and_yaml_have_stable_keys(oom: CommandLine, log: Path) -> None:
    found = json.loads(oom.offline("log", str(log), "-o", "json").out)
    assert found["summary"] == {"kills": 1, "reportsWithoutVictim": 0, "droppedMessages": 0}
    (kill,) = found["kills"]
    assert {key: kill[key] for key in BODIES["6.1 pod"].facts} == BODIES["6.1 pod"].facts
    assert yaml.safe_load(oom.offline("log", str(log), "-o", "yaml").out) == found


def test_wide_has_the_rest_of_a_row(oom: CommandLine, log: Path) -> None:
    lines = oom.offline("log", str(log), "-o", "wide").lines
    assert lines[0].split()[-6:] == ["SWAP", "TOTAL-VM", "UID", "HOST", "LINE", "CGROUP"]
    assert lines[1].split()[-6:-1] == ["0", "204Mi", "1000", "node-a", "11"]
    assert len(oom.offline("log", str(log), "-o", "wide", "--no-headers").lines) == 1


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_compressed_logs_are_read_by_their_content(
    oom: CommandLine, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "no-suffix"
    path.write_bytes(COMPRESSIONS[name](POD.encode()))
    assert oom.offline("log", str(path), "-o", "name").lines == ["4242/hog"]


def test_a_gzip_file_that_is_cut_off_gives_what_is_there(oom: CommandLine, tmp_path: Path) -> None:
    noise = "".join(f"{at:x} {at * 7919:x}\n" for at in range(50_000))
    data = gzip.compress((POD + noise).encode())
    path = tmp_path / "kern.log.gz"
    path.write_bytes(data[: len(data) // 2])
    ran = oom.offline("log", str(path), "-o", "name")
    assert (ran.code, ran.lines) == (0, ["4242/hog"])
    assert ran.err == (
        f"warning: {path} is cut off: its compressed data ends early or is damaged\n"
    )
    path.write_bytes(data[:12])
    ran = oom.offline("log", str(path))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("cannot be read: its compressed data ends early or is damaged\n")


def test_standard_input_is_read(oom: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["log", "-"], ["log"]):
        stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(POD.encode()))))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert oom.offline(*arguments, "-o", "name").lines == ["4242/hog"]


def test_a_fifo_is_read(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(POD,), daemon=True)
    writer.start()
    assert oom.offline("log", str(path), "-o", "name").lines == ["4242/hog"]
    writer.join(timeout=10)


REMEDIES = {
    b"\x28\xb5\x2f\xfd....": "is compressed with zstd; run: zstd -dc {} | kubectl oom log -",
    b"PK\x03\x04....": "is a zip archive; run: unzip -p {} | kubectl oom log -",
    b"LPKSHHRH....": "is a journal; run: journalctl --file {} -k | kubectl oom log -",
    b"": "is empty",
    b"\x7fELF\x02\x01": "is a program or a crash dump; run: makedumpfile --dump-dmesg {} dmesg.txt",
    bytes(range(256)) * 40: "is no text, and has no OOM kill; give a kernel log",
    b"all is well\n": (
        "has no OOM kill; the kernel log of the node has it: journalctl -k, dmesg or "
        "/var/log/messages"
    ),
}


@pytest.mark.parametrize("data", REMEDIES)
def test_what_is_no_kernel_log_is_said_with_a_remedy(
    oom: CommandLine, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    ran = oom.offline("log", str(path))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: {path} {REMEDIES[data].format(path)}\n"


def test_a_missing_file_and_a_directory_are_said(oom: CommandLine, tmp_path: Path) -> None:
    ran = oom.offline("log", str(tmp_path / "none"))
    assert (ran.code, ran.err) == (
        1,
        f"error: cannot read {tmp_path}/none: No such file or directory\n",
    )
    ran = oom.offline("log", str(tmp_path))
    assert ran.code == 1
    assert f"journalctl -D {tmp_path} -k | kubectl oom log -" in ran.err
    ran = oom.offline("log", "/dev/kmsg")
    assert ran.err == "error: /dev/kmsg never ends; run: dmesg | kubectl oom log -\n"


def test_a_file_that_may_not_be_read_is_said(
    oom: CommandLine, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    ran = oom.offline("log", str(log))
    assert ran.code == 1
    assert ran.err == f"error: you may not read {log}; run: sudo cat {log} | kubectl oom log -\n"


def test_a_report_without_a_victim_is_an_answer(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "panic"
    path.write_text(
        "[1.5] x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
        "[1.6] Kernel panic - not syncing: System is deadlocked on memory\n"
    )
    ran = oom.offline("log", str(path))
    assert ran.code == 0
    assert ran.lines == [
        "1 report of the OOM killer names no victim:",
        (
            "  line 1: 1.500000: x asked for memory: the kernel found no process that it may kill, "
            "and panicked"
        ),
    ]


def test_hostile_names_are_escaped(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "log"
    body = "Memory cgroup out of memory: Killed process 7 (a\u202eb\x07) total-vm:1kB, anon-rss:1kB"
    path.write_text(
        f"[    1.5] {body}\n[    1.6] Tasks in /x\u202ey are going to be killed "
        "due to memory.oom.group set\n"
    )
    out = oom.offline("log", str(path)).out
    assert "a\\u202eb\\x07 (pid 7) was killed" in out
    assert "/x\\u202ey" in out
    assert "\u202e" not in out


def test_help_has_two_examples(oom: CommandLine) -> None:
    out = oom.offline("log", "--help").out
    assert out.count("kubectl oom log") >= 3
