import subprocess
import sys

SCRIPT = """
from oomwarden.kernel.thp import refuse_huge_pages
assert refuse_huge_pages()
print(open("/proc/self/status").read())
"""


def test_a_process_that_refuses_huge_pages_takes_none() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert "THP_enabled:\t0\n" in done.stdout
