"""What is fuzzed, and what must hold: for seconds in `make check`, for as long as asked else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import kernel_targets as kernel
from tests.fuzz import object_targets as objects
from tests.fuzz.objects import NAMESPACES, PODS, objects_of


@dataclass(frozen=True)
class Target:
    """A function that raises where something does not hold, and what it is given."""

    check: Callable[[Any], None]
    given: st.SearchStrategy[Any]

    def __repr__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.check.__name__.replace("_", "-")


TARGETS = (
    Target(kernel.kernel_log, kernel.LOGS),
    Target(kernel.comm, st.tuples(kernel.COMMS, st.lists(kernel.COMMS, max_size=3), st.booleans())),
    Target(kernel.mountinfo, st.lists(st.tuples(kernel.PATHS, kernel.PATHS), max_size=4)),
    Target(kernel.any_mountinfo, st.binary(max_size=200)),
    Target(kernel.cgroup_name, kernel.CGROUPS),
    Target(objects.pods, st.lists(st.tuples(objects.STEPS, PODS), max_size=4)),
    Target(objects.policies, st.lists(objects.POLICIES, max_size=3)),
    Target(objects.namespaces, st.lists(st.tuples(objects.STEPS, NAMESPACES), max_size=3)),
    Target(objects.oom_kills, st.lists(objects_of("oomkills"), max_size=2)),
    Target(objects.oom_nodes, st.lists(objects_of("oomnodes"), max_size=2)),
    Target(objects.oom_limits, st.lists(objects_of("oomlimits"), max_size=2)),
)
