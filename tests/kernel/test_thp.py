import subprocess
import sys

SCRIPT = """
from oomwarden.kernel.thp import disable_huge_pages
assert disable_huge_pages()
print(open("/proc/self/status").read())
"""


def test_a_process_can_disable_huge_pages() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert "THP_enabled:\t0\n" in done.stdout
