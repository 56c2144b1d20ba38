"""What is told of a container whose processes do not all hold what they should."""

from collections.abc import Sequence

from oomwarden.core.enforcement.own_scores import MOST_OWN_SCORES
from oomwarden.core.enforcement.plan import ScanOutcome
from oomwarden.core.model.remark import Remark

MOST_PIDS = 5
_UNREACHED = Remark(
    "TooManyCgroups",
    "The container has made more cgroups below its own than a scan can visit, so some of its "
    "processes may keep another score: each scan visits others. Look for what makes them, or bound "
    "them with cgroup.max.descendants.",
)


def of_outcome(outcome: ScanOutcome) -> list[Remark]:
    """Tell all that keeps processes from holding their scores."""
    found: list[Remark] = []
    if outcome.failures:
        remedy = (
            "grant the agent's container the capabilities SYS_RESOURCE and DAC_OVERRIDE"
            if outcome.failure.startswith("PermissionError")
            else "see the agent's log"
        )
        what = f"Some processes were not changed ({outcome.failure}): {remedy}."
        found.append(Remark("NotPermitted" if "Permission" in outcome.failure else "Failed", what))
    if outcome.own:
        found.append(
            Remark(
                "OwnScore",
                "Some processes have set an oom_score_adj of their own and were left alone: name "
                "them in `processes` if they are to get another one.",
            )
        )
    if outcome.too_many:
        what = (
            f"More than {MOST_OWN_SCORES} processes have set an oom_score_adj of their own, which "
            f"would have to be kept to be put back: {outcome.too_many} were left alone. Narrow "
            "`processes`, or keep the program from setting its own."
        )
        found.append(Remark("TooManyOwnScores", what))
    if outcome.stuck:
        found.append(stuck_processes(sorted(outcome.stuck)))
    if outcome.unreached:
        found.append(_UNREACHED)
    if outcome.held_back:
        what = (
            f"Processes that wait for their turn: {outcome.held_back}; the node changes no more a "
            "second than agent.caps.processesPerSecond of the chart allows, and goes on by itself."
        )
        found.append(Remark("RateLimited", what))
    elif outcome.unsaved:
        what = (
            f"Scores that {outcome.unsaved} processes have set themselves could not be saved, so "
            "they were not written over: see the disk of the agent's state directory."
        )
        found.append(Remark("NotSaved", what))
    elif not outcome.complete:
        found.append(
            Remark("Forking", "Processes are forked faster than they are scanned; it goes on.")
        )
    return found


def stuck_processes(pids: Sequence[int]) -> Remark:
    """Tell of processes whose command lines the kernel does not give."""
    first = ", ".join(map(str, pids[:MOST_PIDS]))
    more = f" and {len(pids) - MOST_PIDS} more" if len(pids) > MOST_PIDS else ""
    what = (
        f"The kernel does not give every command line (process {first}{more}): left as it is, and "
        "tried again after a minute. Look for memory pressure in the container (memory.pressure "
        "of its cgroup; a limit that its working set does not fit)."
    )
    return Remark("Stuck", what)
