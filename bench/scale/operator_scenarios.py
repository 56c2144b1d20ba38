"""What an operator of a large fleet needs: memory, CPU, and how soon it has done its work."""

import time
from collections.abc import Callable

from bench.scale import objects
from bench.scale.api import MERGE, Call
from bench.scale.session import POLICIES, ROUND_SECONDS, Figures, Session, now, wait_until

KILLS = 20_000
_WATCH = "watch-oomkills"
"""The operator's loop that knows them."""
_CHURNS = 3
_RESIZES = 50
_START_SECONDS, _SYNC_SECONDS = 180.0, 120.0


def start(session: Session) -> Figures:
    """Start the operator beside the whole fleet."""
    operator = session.operator
    took = operator.wait_until(lambda each: each.nodes() == session.nodes, _START_SECONDS)
    _wait_for_sums(session, "enforced", range(POLICIES), 2)
    wait_until(lambda: session.policy_status(POLICIES - 1).get("nodes") == session.nodes, 60)
    return {
        "seconds until all nodes are known": took,
        "seconds until all statuses are written": time.monotonic() - operator.began,
        "resident MiB": operator.mebibytes("VmRSS"),
        "peak MiB": operator.mebibytes("VmHWM"),
        "CPU seconds": operator.cpu_seconds(),
    }


def heartbeats(session: Session) -> Figures:
    """Every node reports once, and nothing but its heartbeat has changed."""
    return _round(session, lambda _: {"agent": {"heartbeat": now()}})


def counts(session: Session) -> Figures:
    """Every node reports once, each with new numbers of one policy."""
    return _round(session, lambda number: _with_counts(session, number, {number % POLICIES: 1}))


def one_policy(session: Session) -> Figures:
    """One policy is changed, and every node reports that it has applied the change."""
    changed = {"spec": {"rules": [{"oomScoreAdj": 200}]}}
    found = session.api.send(Call("PATCH", objects.policy_path(7), changed, MERGE))
    generation: int = found["metadata"]["generation"]

    def applied(number: int) -> objects.Object:
        status = _with_counts(session, number, {7: 3})
        status["policies"][7]["observedGeneration"] = generation
        return status

    figures = _round(session, applied)
    took = _wait_for_sums(session, "enforced", [7], 3)
    ready = session.policy_status(7)["conditions"][0]
    if (ready["status"], ready["observedGeneration"]) != ("True", generation):
        raise AssertionError(f"the status is wrong: {ready}")
    return figures | {"seconds from the last report to the status": took}


def all_policies(session: Session) -> Figures:
    """Every node reports once, with new numbers of all policies."""
    every = list(range(POLICIES))
    numbers = dict.fromkeys(every, 0)
    figures = _round(session, lambda number: _with_counts(session, number, numbers))
    took = _wait_for_sums(session, "enforced", every, 0)
    return figures | {"seconds from the last report to the last status": took}


def resizes(session: Session) -> Figures:
    """One node asks for many memory limits, and then another one for one."""
    names = [f"db-{number}" for number in range(_RESIZES + 1)]
    session.api.send_all(objects.node(f"node-{number:04}") for number in range(2))
    session.api.send(objects.resized_policy())
    session.api.send_all(
        objects.resized_pod(name, f"node-{number // _RESIZES:04}")
        for number, name in enumerate(names)
    )
    session.api.send_all(objects.running(name) for name in names)
    wanted = [objects.resize_request(session.api.send(objects.pod(name))) for name in names]
    began = time.monotonic()
    session.api.send(objects.report(0, {"resizes": wanted[:_RESIZES]}))
    wait_until(lambda: any(_is_resized(session, name) for name in names[:_RESIZES]), 20)
    session.api.send(objects.report(1, {"resizes": wanted[_RESIZES:]}))
    other = wait_until(lambda: _is_resized(session, names[-1]), 60)
    wait_until(lambda: all(_is_resized(session, name) for name in names), 120)
    return {
        "seconds until the other node's limit is set": other,
        f"seconds until all {_RESIZES} limits of the first node are set": time.monotonic() - began,
    }


def churn(session: Session) -> Figures:
    """A tenth of the nodes is replaced, several times."""
    operator, tenth = session.operator, range(session.nodes // 10)
    for _ in range(_CHURNS):
        session.api.send_all(objects.delete_node(number) for number in tenth)
        session.create_nodes(tenth)
    wait_until(lambda: operator.nodes() == session.nodes, 60)
    return {
        "resident MiB": operator.mebibytes("VmRSS"),
        "peak MiB": operator.mebibytes("VmHWM"),
    }


def kills(session: Session) -> Figures:
    """The operator starts again beside many recent OOMKills, each of which may need a response."""
    session.end_operator()
    session.api.send(objects.raising_policy())
    session.api.send_all(objects.kill(number, now()) for number in range(KILLS))
    operator = session.operator
    took = operator.wait_until(
        lambda each: each.nodes() == session.nodes and each.ages().get(_WATCH) is not None,
        _START_SECONDS,
    )
    return {
        "OOMKills": KILLS,
        "seconds until all nodes and OOMKills are known": took,
        "OOMKills that wait for a response then": operator.metric(
            "oomwarden_operator_queue_length", queue="responses"
        )
        or 0,
        "resident MiB": operator.mebibytes("VmRSS"),
        "peak MiB": operator.mebibytes("VmHWM"),
        "CPU seconds": operator.cpu_seconds(),
    }


def _round(session: Session, status_of: Callable[[int], objects.Object]) -> Figures:
    """Let every node report once; return what that costs the operator."""
    operator = session.operator
    wait_until(lambda: _is_idle(session), _SYNC_SECONDS)
    spent, writes, api = operator.cpu_seconds(), session.status_writes(), session.api_cpu_seconds()
    took = session.report_all(status_of)
    time.sleep(1)  # the last events
    spent = operator.cpu_seconds() - spent
    return {
        "seconds in which every node reported": took,
        "CPU ms per report": spent / session.nodes * 1000,
        "% of a core if that took 10 s": spent / ROUND_SECONDS * 100,
        "statuses written meanwhile": session.status_writes() - writes,
        "kube-apiserver CPU ms per report": (session.api_cpu_seconds() - api)
        / session.nodes
        * 1000,
        "resident MiB": operator.mebibytes("VmRSS"),
    }


def _is_idle(session: Session) -> bool:
    """Return whether no status waits to be computed or written."""
    return session.operator.metric("oomwarden_operator_queue_length", queue="policies") == 0


def _with_counts(session: Session, number: int, enforced: dict[int, int]) -> objects.Object:
    """Return a node's status, from now on with new numbers of some policies."""
    session.enforced.setdefault(number, {}).update(enforced)
    return session.status_of(number)


def _wait_for_sums(session: Session, field: str, policies: range | list[int], each: int) -> float:
    """Wait until the statuses of policies show a number for each node; return the seconds."""
    wanted = each * session.nodes
    return wait_until(
        lambda: all(session.policy_status(number).get(field) == wanted for number in policies),
        _SYNC_SECONDS,
    )


def _is_resized(session: Session, name: str) -> bool:
    pod = session.api.send(objects.pod(name))
    limit: str = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
    return limit == "256Mi"


OF_THE_OPERATOR: dict[str, Callable[[Session], Figures]] = {
    "start": start,
    "heartbeats": heartbeats,
    "counts": counts,
    "one-policy": one_policy,
    "all-policies": all_policies,
    "resizes": resizes,
    "churn": churn,
    "kills": kills,
}
