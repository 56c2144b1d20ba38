"""The story of a kill. Its attributes, in camelCase, are the keys of `-o json`."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from oomwarden.core.history.earlier import EarlierKills
from oomwarden.core.usage_pattern.verdict import Pattern, UsagePoint

Sentences = tuple[str, ...]


class KillSubject(Struct, frozen=True):
    """What was killed, when and where.

    Attributes:
        workload: The owner as kind/name.
        after: When the counters were last read before the kill.
        found: When the kill was found.
    """

    record: str
    namespace: str
    pod: str | None
    container: str | None
    candidates: tuple[str, ...]
    workload: str
    node: str | None
    kills: int
    after: datetime | None
    found: datetime | None


class StoryVictim(Struct, frozen=True):
    """A killed process; what is None is unknown.

    Attributes:
        memory_bytes: Bytes by field of the record, such as anonRSS.
    """

    pid: int | None
    command: str | None
    oom_score_adj: int | None
    uid: int | None
    memory_bytes: dict[str, int]


class KillOutcome(Struct, frozen=True):
    """Who was killed and who lived.

    Attributes:
        group_kill: Whether the whole container was killed; None if it is unknown.
        survivors: Processes or containers that lived, as text.
    """

    victims: tuple[StoryVictim, ...]
    group_kill: bool | None
    killed: Sentences
    survivors: Sentences


class LimitOrigin(Struct, frozen=True):
    """Whose memory ran out, and where the limit is set.

    Attributes:
        limit_bytes: None if there was no limit, or if it is unknown.
        set_in: The object and the path, such as "Deployment shop/api: spec.template...".
        template_limit_bytes: The limit there now.
        sentences: Whose limit it was, and who set it.
    """

    cause: str
    limit_bytes: int | None
    enforced_at: str | None
    set_in: str | None
    template_limit_bytes: int | None
    sentences: Sentences


class UsageCurve(Struct, frozen=True):
    """Memory before the kill.

    Attributes:
        points: Readings, the oldest first; seconds relative to the kill.
        peak_bytes: The largest reading; None if there is none.
        limit_bytes: The container's own limit for comparison; None if there is none.
        is_limit_hit: Whether the kill happened at that limit, which it had filled then.
    """

    points: tuple[UsagePoint, ...]
    peak_bytes: int | None
    limit_bytes: int | None
    is_limit_hit: bool
    pattern: Pattern
    evidence: str


class FilledPart(Struct, frozen=True):
    """A part of the memory, named as people know it."""

    name: str
    bytes: int


class FilledMemory(Struct, frozen=True):
    """What filled the memory.

    Attributes:
        source: Where the figures come from, for people.
        total_bytes: What the parts are a share of; None if it is unknown.
        largest: The field of the largest part, such as anon or shmem; None if it is unknown.
        retained_tmpfs_bytes: tmpfs that outlived the kill; 0 if there is none, or little.
    """

    source: str
    total_bytes: int | None
    parts: tuple[FilledPart, ...]
    largest: str | None
    retained_tmpfs_bytes: int
    sentences: Sentences


class KubeletReport(Struct, frozen=True):
    """What the kubelet says.

    Attributes:
        verdict: Right, Wrong, Silent or Unknown.
    """

    verdict: str
    reason: str | None
    exit_code: int | None
    sentences: Sentences


class NextStep(Struct, frozen=True):
    """What to do.

    Attributes:
        text: The step, for people.
        command: What to paste; None if there is no command.
        patch: The patch that the command applies; None if it applies none.
    """

    text: str
    command: str | None = None
    patch: Any = None


class KillStory(Struct, frozen=True):
    """The whole story.

    Attributes:
        scores: What the scores were and which policy is behind them.
        recurrence: How often before, for people.
        notes: What could not be read, and the right that is missing.
    """

    subject: KillSubject
    outcome: KillOutcome
    limit: LimitOrigin
    usage: UsageCurve
    filled: FilledMemory
    kubelet: KubeletReport
    scores: Sentences
    earlier: EarlierKills
    recurrence: str
    next_steps: tuple[NextStep, ...]
    notes: Sentences
