"""What the kubelet says of the container, and whether that is right.

The kubelet knows what the runtime knows: whether the first process of a container died of the OOM
killer. It keeps the last two terminations of a container (state and lastState).
"""

from collections.abc import Iterator

from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.story import KubeletReport
from oomwarden.core.explanation.wording import times
from oomwarden.core.history.kill_record import KillRecord, number_at, text_at, time_at
from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.workloads.pod_parts import statuses

RIGHT, WRONG, SILENT, UNKNOWN = "Right", "Wrong", "Silent", "Unknown"
_OOM_KILLED = "OOMKilled"
_BY_SIGKILL = 137
_NOT_STARTED = {"StartError", "ContainerCannotRun"}
_NEAR_SECONDS = 10.0
"""How far apart the kubelet's time (whole seconds) and that of the record may be."""


def kubelet_report(facts: KnownFacts) -> KubeletReport:
    """Return what the kubelet says of the killed container."""
    record = facts.record
    if facts.pod is None:
        why = "the pod is gone, and its status with it" if facts.is_pod_gone else "see the notes"
        return _silent(f"Unknown: {why}.", UNKNOWN)
    if record.pod_uid != text_at(object_at(facts.pod, "metadata"), "uid"):
        return _silent("Unknown: the pod of this name is another one now.", UNKNOWN)
    status = next((s for s in statuses(facts.pod) if s.get("name") == record.container), None)
    if status is None:
        return _silent("Nothing: the pod's status does not have the container.")
    ended = _ended(status, _container_id(record))
    if ended is None:
        return _nothing(record, status)
    report = _judged(record, ended)
    return _with(report, _of_others(facts))


def _silent(sentence: str, verdict: str = SILENT) -> KubeletReport:
    return KubeletReport(verdict, None, None, (sentence,))


def _with(report: KubeletReport, more: tuple[str, ...]) -> KubeletReport:
    sentences = (*report.sentences, *more)
    return KubeletReport(report.verdict, report.reason, report.exit_code, sentences)


def _container_id(record: KillRecord) -> str | None:
    return text_at(object_at(record.manifest, "container"), "id")


def _bare(found: Json) -> str:
    return (text_at(found, "containerID") or "").rpartition("//")[2]


def _terminations(status: Json) -> Iterator[Json]:
    for key in ("state", "lastState"):
        if ended := object_at(object_at(status, key), "terminated"):
            yield ended


def _ended(status: Json, container_id: str | None) -> Json | None:
    return next(
        (each for each in _terminations(status) if container_id and _bare(each) == container_id),
        None,
    )


def _nothing(record: KillRecord, status: Json) -> KubeletReport:
    """Say why there is no termination of this container."""
    running = object_at(object_at(status, "state"), "running")
    if running and _bare(status) == _container_id(record):
        return _silent(
            "Nothing: the container's first process lived, and the kubelet reports the death of "
            "that process alone."
        )
    if _container_id(record) is None:
        return _silent("Unknown: the record does not know the container's id.", UNKNOWN)
    restarts = number_at(status, "restartCount") or 0
    return _silent(
        f"Nothing any more: the container has restarted {times(restarts)}, and the status keeps "
        "the latest end alone."
    )


def _judged(record: KillRecord, ended: Json) -> KubeletReport:
    reason, code = text_at(ended, "reason"), number_at(ended, "exitCode")
    said = f"{reason or 'no reason'} (exit code {'unknown' if code is None else code})"
    if reason == _OOM_KILLED:
        return KubeletReport(RIGHT, reason, code, (f"{said}, which is right.",))
    if record.group_kill or (code == _BY_SIGKILL and _ended_then(record, ended)):
        sentence = (
            f"{said}, which is wrong: the OOM killer killed it. Runtimes often notice too late."
        )
        return KubeletReport(WRONG, reason, code, (sentence,))
    if reason in _NOT_STARTED and _ended_then(record, ended):
        sentence = f"{said}, which hides the kill: the container could not start because of it."
        return KubeletReport(WRONG, reason, code, (sentence,))
    later = "; the kill hit another process of the container, which it does not mention."
    return KubeletReport(SILENT, reason, code, (f"{said}, for another reason{later}",))


def _ended_then(record: KillRecord, ended: Json) -> bool:
    finished = time_at(ended, "finishedAt")
    if finished is None or record.found is None:
        return False
    return abs((finished - record.found).total_seconds()) <= _NEAR_SECONDS


def _of_others(facts: KnownFacts) -> tuple[str, ...]:
    """Name other containers that the kubelet calls OOMKilled at that time."""
    named = [
        text_at(status, "name") or "?"
        for status in statuses(facts.pod)
        for ended in _terminations(status)
        if status.get("name") != facts.record.container
        and ended.get("reason") == _OOM_KILLED
        and _ended_then(facts.record, ended)
    ]
    return tuple(f"It also says OOMKilled of container {name}." for name in named[:3])
