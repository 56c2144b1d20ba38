"""The words and numbers of the API: its group, labels, enumerations and bounds.

The pydantic models (api/models) and the types generated from them share these.
"""

from enum import StrEnum

GROUP = "oomwarden.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

LABEL_NODE = f"{GROUP}/node"
LABEL_POD_UID = f"{GROUP}/pod-uid"
LABEL_CAUSE = f"{GROUP}/cause"
RANK_ACCOUNT = "oomwarden-rank"
"""The ServiceAccount in the release's namespace whose tokens open the ranking of a node."""

SCORE_MIN, SCORE_MAX = -997, 1000
"""Allowed scores. The pause container has -998, node daemons have -999, and -1000 is never used."""
RESERVED = {
    -1000: "-1000 is never allowed, because a container with a memory limit and no killable "
    "process hangs forever",
    -999: "-999 is reserved for daemons of the node",
    -998: "-998 is reserved for the pause container",
}
"""Why a score is rejected, for people."""
OFFSET_MIN, OFFSET_MAX = -2000, 2000
PRIORITY_MIN, PRIORITY_MAX = -1_000_000, 1_000_000
LIMIT_MIN = "1Mi"
LONG_EXPONENT = "[eE][+-]?0*[1-9][0-9]{2,}$"
"""Matches 1e100 and more. To compare 1e2147483647, the API server would write out all its digits
(apimachinery pkg/api/resource/amount.go, Cmp, v1.37), which takes minutes and gigabytes."""

MAX_VALUES = 128
"""For all expressions of a selector together."""
MAX_CONTAINERS = 128
"""Globs over container names in all rules of a policy."""
MAX_PROCESSES = 64
"""Process rules in all rules of a policy."""
MAX_COMMANDS_LENGTH = 8192
"""Characters of their globs together."""
MAX_CANDIDATES = 64
"""Containers of which one was killed, in an OOMKill."""
MAX_COMM_LENGTH = 96
"""Characters of a comm: 15 bytes, each of which may be escaped as six characters."""
MAX_HISTORY = 36
"""Readings of a day in an OOMKill: enough for a chart, in 2 KiB."""
MAX_NEAR_MISSES = 20
"""Containers and pods with near misses in an OOMNode."""
MAX_PATTERNS = 20
"""Containers with a pattern of usage in an OOMNode."""


class Mode(StrEnum):
    """Enforce applies the rules. Observe plans and reports, and changes nothing."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


class QOSClass(StrEnum):
    """A quality-of-service class of pods, as Kubernetes names it."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


class Cause(StrEnum):
    """Whose memory ran out."""

    CONTAINER_LIMIT = "ContainerLimit"
    POD_LIMIT = "PodLimit"
    NODE_ALLOCATABLE = "NodeAllocatable"
    NODE_OUT_OF_MEMORY = "NodeOutOfMemory"
    NUMA_NODES_OUT_OF_MEMORY = "NumaNodesOutOfMemory"
    UNKNOWN = "Unknown"


class ContainerType(StrEnum):
    """The list of the pod's spec that has the container."""

    APP = "App"
    INIT = "Init"
    SIDECAR = "Sidecar"
    EPHEMERAL = "Ephemeral"


class Step(StrEnum):
    """Why the operator set a limit: memory.limit of a rule, or onOOM.raiseLimit."""

    LIMIT = "Limit"
    RAISE = "Raise"


def rank_audience(node: str) -> str:
    """Return the audience of a token that is good for the ranking of one node, and nothing else."""
    return f"rank.{GROUP}/{node}"
