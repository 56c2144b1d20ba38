from oomwarden.core.explanation.outcome import kill_outcome

from tests.support.facts import facts, memory
from tests.support.kill_objects import oomkill

PROCESSES = [
    {"pid": 4242, "command": "python3", "rss": "480Mi"},
    {"pid": 11, "command": "nginx", "rss": "12Mi"},
]


def test_after_a_group_kill_only_other_containers_lived() -> None:
    found = kill_outcome(facts(of=oomkill(memory=memory(processes=PROCESSES))))
    assert found.killed == (
        "python3 (pid 4242): anon 480Mi",
        "The kernel killed the whole container (memory.oom.group is 1).",
    )
    assert found.survivors == ("container proxy of the pod",)


def test_after_a_single_kill_the_other_processes_lived() -> None:
    kill = oomkill(memory=memory(processes=PROCESSES), groupKill=False)
    assert kill_outcome(facts(of=kill)).survivors[0] == "nginx (pid 11, 12Mi)"


def test_unknown_victims_and_survivors_are_said_to_be_unknown() -> None:
    found = kill_outcome(facts(of=oomkill(victims=[]), pod=None))
    assert found.killed[0] == "unknown: the kernel log has no line of the victim"
    assert found.survivors == ("unknown",)
