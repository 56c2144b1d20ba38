"""Record the resident memory of small programs whose pattern is known, as data of tests.

Usage: python tools/record_usage.py FOLDER [PROGRAM...]

Each program runs for ten minutes and is read once a second from /proc/PID/statm. A leak needs
hours, so the times in the files are multiplied by 60: ten minutes stand for ten hours.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

SCALE = 60
SECONDS = 600
_START = """
import gc, random, sys, time
seconds = float(sys.argv[1])
began = time.monotonic()
random.seed(7)
def left(): return seconds - (time.monotonic() - began)
base = [bytearray(random.randrange(1000, 9000)) for _ in range(3000)]
"""
PROGRAMS = {
    "leak": """
kept = []
while True:  # a request leaves some kilobytes behind
    kept.append(bytearray(random.randrange(2000, 14000)))
    time.sleep(random.expovariate(12))
""",
    "cache": """
cached = {}
while True:  # most requests are for what it has already
    key = int(random.expovariate(1 / 800))
    if key not in cached:
        cached[key] = bytearray(8000)
    time.sleep(random.expovariate(60))
""",
    "garbage-collector": """
gc.disable()
class Node: pass
made = 0
while True:  # cycles that only the collector frees
    node = Node(); node.self = node; node.load = bytearray(random.randrange(150000, 400000))
    made += 1
    if made > random.randrange(80, 160):
        del node; gc.collect(); made = 0
    time.sleep(random.expovariate(6))
""",
    "garbage-collector-leak": """
gc.disable()
class Node: pass
made, kept = 0, []
while True:  # the same, but one in twelve is kept
    node = Node(); node.self = node; node.load = bytearray(random.randrange(150000, 400000))
    made += 1
    if random.random() < 1 / 12: kept.append(node)
    if made > random.randrange(80, 160):
        del node; gc.collect(); made = 0
    time.sleep(random.expovariate(6))
""",
    "load-and-idle": """
data = []
while left() > seconds * 0.93:  # it loads, then serves
    data.append(bytearray(random.randrange(50000, 150000))); time.sleep(0.1)
while True:
    request = [bytearray(random.randrange(1000, 60000)) for _ in range(random.randrange(30))]
    time.sleep(random.expovariate(8))
""",
    "burst": """
while left() > seconds * 0.02:
    request = [bytearray(random.randrange(1000, 60000)) for _ in range(random.randrange(30))]
    time.sleep(random.expovariate(8))
held = []
while True:  # a query of the whole table
    held.append(bytearray(4 << 20)); time.sleep(0.25)
""",
    "batch": """
while True:  # jobs of different sizes, with pauses
    job = [bytearray(200000) for _ in range(random.randrange(40, 220))]
    time.sleep(random.uniform(3, 20))
    del job
    time.sleep(random.uniform(1, 12))
""",
}


def main(folder: Path, names: list[str]) -> None:
    """Run the programs at the same time and write one file each."""
    running = {
        name: subprocess.Popen([sys.executable, "-c", _START + PROGRAMS[name], str(SECONDS)])
        for name in names
    }
    rows: dict[str, list[str]] = {name: [] for name in running}
    began = time.monotonic()
    while (now := time.monotonic() - began) < SECONDS:
        for name, process in running.items():
            rows[name].append(f"{round(now * SCALE)},{resident(process.pid)}\n")
        time.sleep(1 - (time.monotonic() - began) % 1)
    for name, process in running.items():
        process.kill()
        process.wait()
        head = (
            f"# A program of tools/record_usage.py: {name}, read once a second for "
            f"{SECONDS} s.\n# The times are multiplied by {SCALE}.\nseconds,bytes\n"
        )
        (folder / f"{name}.csv").write_text(head + "".join(rows[name]))


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PROGRAMS))
