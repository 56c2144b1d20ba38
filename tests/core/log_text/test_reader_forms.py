import pytest
from oomwarden.core.log_text.json_form import facts
from oomwarden.core.log_text.reader import read_kills

from tests.support.log_forms import BOOT, FORMS, HOST
from tests.support.oom_bodies import BODIES

# Where a hard cut goes through a column of the list of tasks, the row cannot be read.
UNREADABLE = {("chopped at 80", "6.8 machine"): {"taskCount"}}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("form", FORMS)
def test_a_kill_of_any_kernel_is_read_from_any_form(form: str, body: str) -> None:
    text = FORMS[form](BODIES[body].said())
    (kill,) = [facts(each) for each in read_kills(text.encode())]
    expected = {
        key: value
        for key, value in BODIES[body].facts.items()
        if key not in UNREADABLE.get((form, body), ())
    }
    assert {key: kill[key] for key in expected} == expected


WITH_YEAR = [
    *("dmesg -T", "dmesg -x -T", "dmesg --time-format iso", "short-iso", "short-iso-precise"),
    *("short-full", "short-unix", "RFC 5424", "RFC 3339", "talosctl", "CRI", "docker", "cloud"),
    *("CSV", "VMware", "journalctl -o json", "journalctl -o json-pretty", "journalctl -o export"),
    *("journalctl -o verbose", "json-pretty of bytes", "dmesg -T -d"),
]


@pytest.mark.parametrize("form", WITH_YEAR)
def test_a_time_with_a_year_is_read(form: str) -> None:
    text = FORMS[form](BODIES["5.0"].said())
    (kill,) = read_kills(text.encode())
    assert kill.origin.at is not None
    assert kill.origin.at.startswith("2026-05-16T09:23:20")


WITH_STAMP = [
    *("dmesg", "dmesg -d", "dmesg -x", "dmesg -r", "kmsg", "kmsg with caller", "short-monotonic"),
    *("short-delta", "syslog with stamp", "RFC 5424", "serial console", "quoted", "entities"),
    *("colours", "less", "caller", "caller on the console", "journalctl -o json", "dmesg -J"),
]


@pytest.mark.parametrize("form", WITH_STAMP)
def test_seconds_since_boot_are_read(form: str) -> None:
    text = FORMS[form](BODIES["5.0"].said())
    (kill,) = read_kills(text.encode())
    assert kill.origin.stamp == 5000.25


WITH_HOST = [
    *("journalctl -k", "short-precise", "short-full", "short-monotonic", "syslog with stamp"),
    *("RFC 5424", "RFC 3339", "events", "describe", "journalctl -o json", "cloud", "grep"),
]


@pytest.mark.parametrize("form", WITH_HOST)
def test_the_host_is_read(form: str) -> None:
    (kill,) = read_kills(FORMS[form](BODIES["5.0"].said()).encode())
    assert kill.origin.host == HOST


def test_a_time_without_a_year_is_given_as_printed() -> None:
    (kill,) = read_kills(FORMS["journalctl -k"](BODIES["5.0"].said()).encode())
    assert (kill.origin.at, kill.origin.printed) == (None, "May 16 09:23:20")
    assert BOOT.year == 2026


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_powershell_is_read(encoding: str) -> None:
    text = FORMS["Windows"](BODIES["6.1 pod"].said())
    (kill,) = read_kills(text.encode(encoding))
    assert kill.victim.pid == 4242
