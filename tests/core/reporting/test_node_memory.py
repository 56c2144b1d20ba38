from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.codec.codec import encode
from oomwarden.api.node.memory import MemoryInfo, Overcommit, PSIData, PSIStats
from oomwarden.core.overcommit.settings import OvercommitSettings
from oomwarden.core.parse.meminfo import parse_meminfo
from oomwarden.core.parse.pressure import MemoryStalls, StallAverages, parse_pressure
from oomwarden.core.reporting.node_memory import memory_info

MEMINFO = """MemTotal:        8388608 kB
MemFree:          100000 kB
MemAvailable:    3145728 kB
SwapTotal:       2097152 kB
SwapFree:        1048576 kB
CommitLimit:     8808038 kB
Committed_AS:    5242880 kB
HugePages_Total:       8
Hugepagesize:       2048 kB
Hugetlb:           16384 kB
"""
UNKNOWN = OvercommitSettings(None, None, None)


def test_figures_of_meminfo_settings_and_stalls_are_reported() -> None:
    stalls = MemoryStalls(StallAverages(12.5, 3.07, 0), None)
    settings = OvercommitSettings(2, 80, 0)
    found = memory_info(("8Gi", "7Gi"), parse_meminfo(MEMINFO), settings, stalls)
    assert found == MemoryInfo(
        capacity="8Gi",
        allocatable="7Gi",
        available="3Gi",
        total="8Gi",
        swap_total="2Gi",
        swap_free="1Gi",
        huge_pages="16Mi",
        overcommit=Overcommit(mode="Never", ratio=80, commit_limit="8808038Ki", committed_as="5Gi"),
        psi=PSIStats(some=PSIData(avg10="12.50", avg60="3.07", avg300="0.00")),
    )


def test_kbytes_replace_the_ratio() -> None:
    found = memory_info((None, None), {}, OvercommitSettings(2, 0, 4096), None)
    assert found.overcommit == Overcommit(mode="Never", kbytes="4Mi")


def test_what_is_not_known_is_absent() -> None:
    found = memory_info((None, None), {}, UNKNOWN, None)
    assert encode(found) == {"overcommit": {}}


def test_a_mode_of_a_later_kernel_is_reported_as_its_number() -> None:
    found = memory_info((None, None), {}, OvercommitSettings(3, 50, 0), None).overcommit
    assert found is not None
    assert found.mode == "3"


@given(
    st.binary(max_size=200),
    st.tuples(*[st.none() | st.integers(0, 1 << 64)] * 3),
    st.text(alphabet="somefulavg10=63.\n 9", max_size=80),
)
def test_whatever_the_kernel_prints_the_report_can_be_built(
    text: bytes, settings: tuple[int | None, int | None, int | None], stalls: str
) -> None:
    meminfo = parse_meminfo(b"SwapFree: 18446744073709551615 kB\n" + text)
    found = memory_info(
        (None, None),
        meminfo,
        OvercommitSettings(*settings),
        parse_pressure(f"some avg10=100.00 avg60=0.00 avg300=0.00\n{stalls}"),
    )
    assert found.swap_free is not None
    assert found.psi is not None
