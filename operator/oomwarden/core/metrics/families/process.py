"""The metrics that agent and operator both serve about themselves."""

from oomwarden.core.metrics.api_error_kinds import ApiErrorKind
from oomwarden.core.metrics.family import Family, MetricType, counter, gauge

BUILD_INFO = gauge("build_info", "1; the version and the program", ("version", "component"))
LOOP_AGE = gauge("loop_age_seconds", "Time since a loop's last progress", ("loop",))
API_ERRORS = counter(
    "api_errors",
    f"Calls of the API server that failed, by kind: {', '.join(ApiErrorKind)}. A NotFound or "
    "a Conflict may be the answer that was asked for. The operator's watch of ClusterOOMPolicies "
    "is not counted",
    ("kind",),
)
RESIDENT_MEMORY = Family(
    "process_resident_memory_bytes", MetricType.GAUGE, "Resident memory of the process"
)
CPU_TIME = Family("process_cpu_seconds_total", MetricType.COUNTER, "User and system CPU time spent")
START_TIME = Family(
    "process_start_time_seconds", MetricType.GAUGE, "Start of the process in Unix time"
)
OPEN_FILES = Family("process_open_fds", MetricType.GAUGE, "Open file descriptors")

PROCESS_FAMILIES = (
    BUILD_INFO,
    LOOP_AGE,
    API_ERRORS,
    RESIDENT_MEMORY,
    CPU_TIME,
    START_TIME,
    OPEN_FILES,
)
