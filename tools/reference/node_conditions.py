"""What each condition of an OOMNode means; a test compares the reasons with the code's."""

from typing import NamedTuple


class DescribedCondition(NamedTuple):
    """A condition of an OOMNode.

    Attributes:
        meaning: What holds while it is True.
        reasons: Those of a condition that is False, with what is wrong and what to do.
        meanwhile: What the agent does while it is False.
        good: The reasons of a condition that is True.
    """

    meaning: str
    reasons: dict[str, str]
    meanwhile: str
    good: tuple[str, ...]


NODE_CONDITIONS = {
    "Ready": DescribedCondition(
        "The agent watches for kills and can enforce policies.",
        {
            "NotWatching": (
                "`CgroupV2`, or a `Layout` in which it sees no container, prevents that: see there."
            )
        },
        "Kills are not recorded, and no policy is enforced on the node.",
        ("Watching",),
    ),
    "Kernel": DescribedCondition(
        "Linux 5.10 or newer.",
        {"TooOld": "Upgrade the kernel."},
        "Kills may be missed.",
        ("Supported",),
    ),
    "CgroupV2": DescribedCondition(
        "cgroup v2 is mounted, and counters of a cgroup include those below it.",
        {
            "NotFound": (
                "The node uses cgroup v1, or the kubelet's cgroup is elsewhere. Boot it with "
                "cgroup v2."
            ),
            "LocalEvents": "It is mounted with `memory_localevents`. Remount it without.",
        },
        "Kills are missed.",
        ("Mounted",),
    ),
    "Capabilities": DescribedCondition(
        "The agent has SYS_RESOURCE, DAC_OVERRIDE and SYSLOG.",
        {"Missing": "Grant the agent's container what the message names."},
        (
            "Without SYS_RESOURCE no score is lowered, without DAC_OVERRIDE no process of "
            "another user is changed, without SYSLOG records have no victims."
        ),
        ("Complete",),
    ),
    "KernelLog": DescribedCondition(
        "The kernel log can be read.",
        {
            "NotPermitted": (
                "Grant the capability SYSLOG, or set the sysctl `kernel.dmesg_restrict=0`."
            ),
            "NoTimeStamps": "Set the kernel parameter `printk.time=1`.",
            "OtherPIDNamespace": (
                "The node is itself a container, as with kind; nothing can be done."
            ),
            "Unreadable": "syslog(2) failed; the message has the error.",
            "NotReadable": "The message has the error.",
        },
        "Kills are counted and recorded all the same, without the names of their victims.",
        ("Readable", "NotReadYet"),
    ),
    "CgroupWrites": DescribedCondition(
        "The agent may write `memory.oom.group`.",
        {
            "Off": "A choice: set `agent.cgroupWrites=true` if policies use `memory.groupKill`.",
            "LeftChanged": (
                "It was switched off while values of policies were set. Switch it on "
                "until they are restored."
            ),
            "ReadOnly": (
                "Mount `/sys/fs/cgroup` writable in the agent's container, as the chart does."
            ),
        },
        "`memory.groupKill` of policies is not applied.",
        ("On",),
    ),
    "AgentMemory": DescribedCondition(
        "No agent of this node was OOM-killed within a day.",
        {"OOMKilled": "Raise `agent.resources.limits.memory`."},
        "The agent's successor has recorded the kill.",
        ("Sufficient",),
    ),
    "Inotify": DescribedCondition(
        "Every cgroup has a watch.",
        {
            "WatchesRefused": (
                "Raise `fs.inotify.max_user_watches` and `max_user_instances` on the node."
            )
        },
        "The agent polls every 0.2 s; it names no container by elimination.",
        ("AllWatched",),
    ),
    "CgroupsReadable": DescribedCondition(
        "Every cgroup could be opened.",
        {
            "Unopened": (
                "Raise the agent's limit of open files, or free memory; the message says which."
            )
        },
        "Kills there are attributed from the kernel log, else recorded at the level above; once.",
        ("AllOpen",),
    ),
    "Layout": DescribedCondition(
        "All containers run below the kubelet's cgroups.",
        {
            "ContainersElsewhere": (
                "Kubelet and runtime use different cgroup drivers, or `cgroupRoot` is unusual; the "
                "message has the paths and the settings."
            )
        },
        "Kills in containers elsewhere are not recorded, and no policy applies to them.",
        ("Understood",),
    ),
    "Store": DescribedCondition(
        "The agent's database is on disk.",
        {
            "DiskFull": "Free disk space below `agent.stateDir`.",
            "InMemory": "Give `agent.stateDir` a disk that accepts writes.",
            "StartedAnew": (
                "The database was damaged and was replaced. The message says what is "
                "not known any more."
            ),
        },
        (
            "The agent continues in pages that it keeps free, or in memory; containers "
            "whose own score is not on the disk are not changed (`NotSaved`)."
        ),
        ("Durable",),
    ),
    "Delivery": DescribedCondition(
        "The API server accepts every record.",
        {
            "Refused": (
                "Apply the CRDs of the agents' version, or allow OOMKills where a "
                "quota, policy or webhook denies them."
            ),
            "NameTaken": "Another writer has used the name of a record: find out who.",
        },
        "Refused records are retried, for 30 days at most, after the others.",
        ("Delivering",),
    ),
    "PoliciesUnderstood": DescribedCondition(
        "The agent knows all fields of the policies.",
        {"UnknownFields": "The agent is older than the CRDs: upgrade it."},
        "It ignores the fields that it does not know.",
        ("AllFields",),
    ),
    "ObjectsUnderstood": DescribedCondition(
        "All pods, policies and other objects could be parsed.",
        {"NotWhollyRead": "Fix or delete the objects that the message names."},
        "These objects are skipped.",
        ("AllRead",),
    ),
    "Records": DescribedCondition(
        "Records are written as usual.",
        {
            "NamespaceFull": (
                "Fix what is killed again and again there, or raise `retention.perNamespace`."
            ),
            "ClusterFull": "The same for the cluster, or raise `retention.perCluster`.",
            "NoOperator": "No operator deletes old records: check that it runs.",
            "MergedHarder": "The message says why.",
        },
        (
            "Records of a crash loop are merged more; `reducedBy` of a record says why. No "
            "kill is lost."
        ),
        ("AsUsual",),
    ),
    "WithinBounds": DescribedCondition(
        "The agent keeps all policies of its pods, and all parts of its pods.",
        {
            "LeftOut": (
                "Delete policies, or move the rules of several into one; or make the pod smaller."
            ),
            "NotKnownYet": (
                "The policies of a namespace are not known yet, because the API server "
                "was not available."
            ),
        },
        (
            "Policies that are left out report `LeftOut`; containers whose policies are not "
            "known are left alone."
        ),
        ("AllHeld",),
    ),
}
