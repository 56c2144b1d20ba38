"""What to report of a container whose processes do not all have the desired score."""

from collections.abc import Sequence

from oomwarden.core.enforcement.own_scores import MAX_OWN_SCORES
from oomwarden.core.enforcement.plan import ScanOutcome
from oomwarden.core.model.remark import Remark

MAX_PIDS = 5
_UNREACHED = Remark(
    "TooManyCgroups",
    "The container has created more sub-cgroups than a scan can visit, so some of its processes "
    "may have another score; each scan visits different ones. Find out what creates them, or "
    "bound them with cgroup.max.descendants.",
)


def outcome_remarks(outcome: ScanOutcome) -> list[Remark]:
    """Return everything that keeps processes from having their scores."""
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
                "Some processes have set their own oom_score_adj and were left alone: name them "
                "in `processes` to give them another one.",
            )
        )
    if outcome.too_many:
        what = (
            f"More than {MAX_OWN_SCORES} processes have set their own oom_score_adj, which "
            f"would have to be saved: {outcome.too_many} were left alone. Narrow `processes`, or "
            "keep the program from setting its own score."
        )
        found.append(Remark("TooManyOwnScores", what))
    if outcome.stuck:
        found.append(stuck_remark(sorted(outcome.stuck)))
    if outcome.cgroups_skipped:
        found.append(_UNREACHED)
    if outcome.rate_limited:
        what = (
            f"Processes waiting for their turn: {outcome.rate_limited}. The node changes no more "
            "per second than agent.caps.processesPerSecond of the chart allows, and continues "
            "by itself."
        )
        found.append(Remark("RateLimited", what))
    elif outcome.unsaved:
        what = (
            f"The scores that {outcome.unsaved} processes have set themselves could not be "
            "saved, so they were not overwritten: check the disk of the agent's state directory."
        )
        found.append(Remark("NotSaved", what))
    elif not outcome.complete:
        found.append(
            Remark(
                "Forking", "Processes are forked faster than they are scanned; scanning continues."
            )
        )
    return found


def stuck_remark(pids: Sequence[int]) -> Remark:
    """Report processes whose command lines the kernel does not return."""
    first = ", ".join(map(str, pids[:MAX_PIDS]))
    more = f" and {len(pids) - MAX_PIDS} more" if len(pids) > MAX_PIDS else ""
    what = (
        f"The kernel does not return every command line (process {first}{more}): these processes "
        "are left as they are, and retried after a minute. Check for memory pressure in the "
        "container (memory.pressure of its cgroup; a limit too low for its working set)."
    )
    return Remark("Stuck", what)
