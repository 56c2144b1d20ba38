"""Logs that are not the kernel's alone, and more than one of them."""

from pathlib import Path

from tests.support.command_line import CommandLine

KILL = "[9.5] Out of memory: Killed process 9 (hog) total-vm:9kB, anon-rss:8192kB, file-rss:0kB\n"
OOMD = "Nov 20 10:00:01 a systemd-oomd[612]: Killed /user.slice/app due to memory used (1) / (2)\n"


def test_a_program_that_kills_before_the_kernel_is_named(oom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.write_text(OOMD)
    ran = oom.offline("log", str(path))
    assert ran.code == 1
    assert ran.err == (
        f"error: {path} has no OOM kill by the kernel, but systemd-oomd killed something, which "
        "acts before the kernel; run: journalctl -u systemd-oomd\n"
    )
    path.write_text(OOMD + KILL)
    assert oom.offline("log", str(path)).err.startswith("note: systemd-oomd killed something")


def test_several_logs_are_read_as_one_from_a_pipe(oom: CommandLine) -> None:
    ran = oom.offline("log", "messages.1", "messages")
    assert ran.code == 2
    assert "cat messages.1 messages | kubectl oom log -" in ran.err
