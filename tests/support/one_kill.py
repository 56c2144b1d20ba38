"""One kill in one pod, with all known facts about it."""

from oomwarden.api.oomkill import ContainerType, PolicyReference
from oomwarden.api.policy import QOSClass
from oomwarden.core.incidents.cause import PodLimits
from oomwarden.core.incidents.incident import PodSnapshot
from oomwarden.core.incidents.record_context import RecordContext
from oomwarden.core.kernel_log.kills import LogKill
from oomwarden.core.kernel_log.lines import Constraint, Killed
from oomwarden.core.ledger.account import CounterRange
from oomwarden.core.model.cgroup import Cgroup, KillCounters, Level
from oomwarden.core.model.pod import ContainerFacts, PodFacts

MIB = 1 << 20
NOW = 1_800_000_000.0
POD = Cgroup(7, "kubepods.slice/kubepods-podx.slice", Level.POD, "uid")
APP = Cgroup(8, f"{POD.path}/cri-containerd-{'a' * 64}.scope", Level.CONTAINER, "uid", "a" * 64)
SIDE = Cgroup(9, f"{POD.path}/cri-containerd-{'b' * 64}.scope", Level.CONTAINER, "uid", "b" * 64)
FACTS = PodFacts(
    "uid",
    "uid",
    "shop",
    "api-1",
    {},
    QOSClass.BURSTABLE,
    containers=(
        ContainerFacts("app", ContainerType.APP, "a" * 64),
        ContainerFacts("side", ContainerType.SIDECAR, "b" * 64),
    ),
)
HOG = Killed(1.0, 4242, b"ho\ng", 1 << 30, 30 * MIB, 0, 0, 1000, MIB, 992)
LOG = LogKill((HOG,), Constraint(1.0, f"/{APP.path}", f"/{APP.path}", 4242), f"/{APP.path}")
RANGE = CounterRange(POD, 0, 2, 4, POD, APP, group_kills=1, container_limit=32 * MIB)
SNAPSHOT = PodSnapshot(
    FACTS, KillCounters(2, 1, 1, 0), (), PodLimits(None, (32 * MIB, None)), {}, (LOG,)
)
CONTEXT = RecordContext("node-1", "boot", NOW - 1, NOW, PolicyReference(kind="OOMPolicy", name="p"))
