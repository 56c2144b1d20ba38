"""The scenarios: what an agent weighs when nothing happens, when pods come and go, and in kills."""

import asyncio
import json
import signal
import time
from pathlib import Path

from bench.weight import loops, readings
from bench.weight.agent import Agent, tail
from bench.weight.loops import Figures, Report
from bench.weight.storm import Delays, Storm

QUIET_SECONDS = 60.0
CHURN_PODS, KILLS, SINGLE_KILLS, BURST, LARGE_BURST = 12, 15, 3, 30, 200
WEAR_ROUNDS, WEAR_KILLS, WEAR_REST_SECONDS = 100, 10, 310.0
_REST_SECONDS, _SHORT_REST_SECONDS = 4.0, 1.0
_MINUTE = 60.0


async def quiet(agent: Agent) -> Figures:
    """Measure an agent on which nothing changes."""
    api = agent.api
    asked, sent = api.requests.total(), api.sent.total() + api.received.total()
    before = readings.cpu(agent.pid)
    await asyncio.sleep(QUIET_SECONDS)
    used = readings.since(before, readings.cpu(agent.pid))
    transferred = api.sent.total() + api.received.total() - sent
    return {
        **{f"{name}, MiB" if name in _SIZES else name: value
           for name, value in readings.memory(agent.pid).items()},
        "CPU when quiet, ms a minute": used.milliseconds * _MINUTE / QUIET_SECONDS,
        "wake-ups a second": used.switches / QUIET_SECONDS,
        "requests a minute": (api.requests.total() - asked) * _MINUTE / QUIET_SECONDS,
        "bytes from and to the API a minute": transferred * _MINUTE / QUIET_SECONDS,
    }  # fmt: skip


_SIZES = {"resident", "anonymous", "file pages", "peak"}


async def eventful(agent: Agent) -> Figures:
    """Measure churn of pods, kills one by one, and bursts of kills."""
    storm = Storm(agent)
    before = readings.cpu(agent.pid)
    for _ in range(CHURN_PODS):
        await storm.replace_pod()
        await asyncio.sleep(0.5)
    churn = readings.since(before, readings.cpu(agent.pid)).milliseconds
    found = {"CPU of a replaced pod, ms": churn / CHURN_PODS}
    found |= await _steady_kills(agent, storm)
    found |= await _single_kills(storm)
    await asyncio.sleep(_REST_SECONDS)
    return found


async def _steady_kills(agent: Agent, storm: Storm) -> Figures:
    """Kill a container a second; each is another one."""
    before, began = readings.cpu(agent.pid), time.monotonic()
    kills: list[asyncio.Task[Delays]] = []
    for number in range(KILLS):
        kills.append(asyncio.create_task(storm.kill(storm.choose(1, number))))
        await asyncio.sleep(1.0)
    seconds = time.monotonic() - began
    used = readings.since(before, readings.cpu(agent.pid)).milliseconds
    await asyncio.gather(*kills)
    return {"CPU with a kill a second, ms a minute": used * _MINUTE / seconds}


async def _single_kills(storm: Storm) -> Figures:
    found: list[float] = []
    missing = 0
    for number in range(SINGLE_KILLS):
        await asyncio.sleep(_REST_SECONDS)
        delays = await storm.kill(storm.choose(1, KILLS + number))
        found += delays.seconds
        missing += delays.missing
    return Delays(found, missing).figures("a single kill")


async def bursts(agent: Agent) -> Figures:
    """Kill 30, and then 200 containers at the same moment; what the agent weighs afterwards."""
    storm = Storm(agent)
    before = readings.cpu(agent.pid)
    delays = await storm.kill(storm.choose(BURST, KILLS + SINGLE_KILLS))
    used = readings.since(before, readings.cpu(agent.pid)).milliseconds
    found = {**delays.figures(f"{BURST} kills at once"), f"{BURST} kills at once, CPU ms": used}
    await _replace_killed(agent, storm, LARGE_BURST)
    found |= (await storm.kill(storm.choose(LARGE_BURST))).figures(f"{LARGE_BURST} kills at once")
    await asyncio.sleep(1.0)
    return {**found, "resident after all of it, MiB": readings.memory(agent.pid)["resident"]}


async def worn(agent: Agent) -> Figures:
    """Kill 1,000 containers, ten at a time, and replace their pods; what the agent weighs then."""
    storm, pods = Storm(agent), len(agent.node.pods)
    for _ in range(WEAR_ROUNDS):
        await storm.kill(storm.choose(WEAR_KILLS), patience=_SHORT_REST_SECONDS)
        await _replace_killed(agent, storm, pods, _SHORT_REST_SECONDS)
    at_once = readings.memory(agent.pid)
    await asyncio.sleep(WEAR_REST_SECONDS)
    at_rest = readings.memory(agent.pid)
    return {
        f"{name} {when}, MiB": found[name]
        for when, found in (("at once", at_once), ("at rest", at_rest))
        for name in sorted(_SIZES & found.keys())
    }


async def _replace_killed(
    agent: Agent, storm: Storm, pods: int, rest: float = _REST_SECONDS
) -> None:
    """Have so many pods that were never killed: a node may write only a few second records."""
    for pod in list(agent.node.pods.values()):
        if any(each.restarts for each in pod.containers):
            await storm.end_pod(pod)
    for _ in range(pods - len(agent.node.pods)):
        await storm.add_pod()
    await asyncio.sleep(rest)


async def report_of(agent: Agent, path: Path) -> Report:
    """Have an agent with a probe write its report.

    Raises:
        RuntimeError: It does not.
    """
    known = _modified(path)
    agent.process.send_signal(signal.SIGUSR1)
    for _ in range(200):
        if _modified(path) != known:
            return read_report(path)
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the agent does not report what it measures: {tail(agent)}")


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def read_report(path: Path) -> Report:
    """Read a report."""
    return Report.of(json.loads(path.read_text()))


async def by_loop(agent: Agent, path: Path) -> tuple[Report, dict[str, Figures]]:
    """Measure an agent with a probe while it is quiet; return its report and figures by loop."""
    first, before = await report_of(agent, path), readings.cpu(agent.pid)
    await asyncio.sleep(QUIET_SECONDS)
    last = await report_of(agent, path)
    used = readings.since(before, readings.cpu(agent.pid))
    threads = {
        f"thread {name}": nanoseconds / 1e6 * _MINUTE / QUIET_SECONDS
        for name, nanoseconds in used.nanoseconds.most_common()
        if name != "main"
    }
    spent = loops.milliseconds_by_loop(first, last, QUIET_SECONDS) | threads
    calls = await _system_calls(agent, path.with_suffix(".strace"))
    return last, {"CPU by loop, ms a minute": spent, "system calls by loop, a minute": calls}


async def _system_calls(agent: Agent, log: Path) -> Figures:
    """Count system calls by loop; empty if strace is missing or may not trace."""
    agent.process.send_signal(signal.SIGUSR2)
    command = ("strace", "-f", "-q", "-s", "64", "-o", str(log), "-p", str(agent.pid))
    try:
        tracer = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    except FileNotFoundError:
        return {}
    await asyncio.sleep(QUIET_SECONDS)
    if tracer.returncode is None:
        tracer.send_signal(signal.SIGINT)
    await tracer.wait()
    names = readings.thread_names(agent.pid)
    with log.open(errors="replace") as lines:
        calls = loops.calls_by_loop(lines, names, agent.pid)
    return {name: number * _MINUTE / QUIET_SECONDS for name, number in calls.most_common()}
