import ctypes
from pathlib import Path

from oomwarden.kernel.heap import release_free_memory

SIZE, COUNT = 64 << 10, 512  # below glibc's threshold for memory of its own (128 KiB)


def anonymous_mib() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) >> 10


def test_free_memory_below_what_stays_is_given_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(ctypes.c_size_t(SIZE)) for _ in range(COUNT)]
    for each in blocks:
        ctypes.memset(each, 1, SIZE)
    for each in blocks[:-1]:
        libc.free(each)
    before = anonymous_mib()
    release_free_memory()
    assert before - anonymous_mib() > SIZE * COUNT >> 21
    libc.free(blocks[-1])
