import os
import resource
import time
from pathlib import Path

import pytest
from oomwarden import __version__
from oomwarden.core.metrics.exposition import Sample, exposition
from oomwarden.core.metrics.families.process import (
    BUILD_INFO,
    CPU_TIME,
    LOOP_AGE,
    OPEN_FILES,
    RESIDENT_MEMORY,
    START_TIME,
)
from oomwarden.core.metrics.family import Family
from oomwarden.core.parse.proc_stat import parse_start
from oomwarden.probes.loops import Loop
from oomwarden.probes.process_metrics import process_families
from prometheus_client.parser import text_string_to_metric_families

LOOPS = (Loop("event-loop", lambda: 0.5), Loop("nodes", lambda: None))


def value(family: Family) -> float:
    ((sample,),) = [samples for one, samples in process_families("agent", LOOPS) if one is family]
    return sample.value


def test_the_version_and_the_program_are_labels_of_one_series() -> None:
    assert dict(process_families("agent", ()))[BUILD_INFO] == (Sample((__version__, "agent"), 1),)


def test_a_loop_has_an_age_once_it_has_made_progress() -> None:
    assert dict(process_families("agent", LOOPS))[LOOP_AGE] == [Sample(("event-loop",), 0.5)]


def test_memory_is_that_of_this_process() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert peak / 4 < value(RESIDENT_MEMORY) < peak * 1.1


def test_cpu_time_counts_what_this_process_spends() -> None:
    before, until = value(CPU_TIME), time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert 0.05 <= value(CPU_TIME) - before < 5


def boot_time() -> int:
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))


def test_the_start_is_when_this_process_started_and_stays_the_same() -> None:
    at = value(START_TIME)
    ticks = parse_start(Path("/proc/self/stat").read_bytes())
    assert abs(at - boot_time() - ticks / os.sysconf("SC_CLK_TCK")) < 2
    assert value(START_TIME) == at


def test_an_open_file_counts_and_the_look_itself_does_not() -> None:
    before = value(OPEN_FILES)
    with Path("/dev/null").open("rb"):
        assert value(OPEN_FILES) == before + 1
    assert value(OPEN_FILES) == before


@pytest.mark.parametrize("torn", [b"", b"1", b"one two", b"7 (a b) S"])
def test_what_cannot_be_read_is_left_out_and_the_rest_is_shown(tmp_path: Path, torn: bytes) -> None:
    for name in ("stat", "statm"):
        (tmp_path / name).write_bytes(torn)
    families = process_families("operator", LOOPS, tmp_path)
    assert [family for family, samples in families if samples] == [BUILD_INFO, LOOP_AGE, CPU_TIME]


def test_prometheus_reads_the_families() -> None:
    page = exposition(process_families("operator", LOOPS)).decode()
    names = {each.name for each in text_string_to_metric_families(page)}
    assert {"oomwarden_build_info", "process_cpu_seconds", "process_open_fds"} <= names
