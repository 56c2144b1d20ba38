from hypothesis import given
from hypothesis import strategies as st
from oomwarden.core.parse.proc_status import parse_vm_sizes

STATUS = (
    b"Name:\tVmRSS: 5 kB\nVmRSS:\t    4420 kB\nVmPTE:\t      48 kB\nVmSwap:\t 0 kB\nThreads:\t1\n"
)


def test_sizes_are_bytes_by_name() -> None:
    assert parse_vm_sizes(STATUS) == {"VmRSS": 4420 << 10, "VmPTE": 48 << 10, "VmSwap": 0}


def test_a_kernel_thread_has_no_sizes() -> None:
    assert parse_vm_sizes(b"Name:\tkthreadd\nThreads:\t1\n") == {}


@given(st.binary())
def test_no_text_makes_it_raise(text: bytes) -> None:
    assert all(size >= 0 for size in parse_vm_sizes(text).values())
