"""The fuzz targets: `make check` runs them for seconds, `make fuzz` for minutes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import kernel_targets, object_targets
from tests.fuzz.objects import NAMESPACES, PODS, objects_of


@dataclass(frozen=True)
class FuzzTarget:
    """A function that raises if an invariant is violated, and the strategy of its argument."""

    check: Callable[[Any], None]
    examples: st.SearchStrategy[Any]

    def __repr__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.check.__name__.replace("_", "-")


TARGETS = (
    FuzzTarget(kernel_targets.kernel_log, kernel_targets.LOGS),
    FuzzTarget(
        kernel_targets.comm,
        st.tuples(kernel_targets.COMMS, st.lists(kernel_targets.COMMS, max_size=3), st.booleans()),
    ),
    FuzzTarget(
        kernel_targets.mountinfo,
        st.lists(st.tuples(kernel_targets.PATHS, kernel_targets.PATHS), max_size=4),
    ),
    FuzzTarget(kernel_targets.any_mountinfo, st.binary(max_size=200)),
    FuzzTarget(kernel_targets.cgroup_name, kernel_targets.CGROUPS),
    FuzzTarget(object_targets.pods, st.lists(st.tuples(object_targets.STEPS, PODS), max_size=4)),
    FuzzTarget(object_targets.policies, st.lists(object_targets.POLICIES, max_size=3)),
    FuzzTarget(
        object_targets.namespaces, st.lists(st.tuples(object_targets.STEPS, NAMESPACES), max_size=3)
    ),
    FuzzTarget(object_targets.oom_kills, st.lists(objects_of("oomkills"), max_size=2)),
    FuzzTarget(object_targets.oom_nodes, st.lists(objects_of("oomnodes"), max_size=2)),
    FuzzTarget(object_targets.oom_limits, st.lists(objects_of("oomlimits"), max_size=2)),
)
