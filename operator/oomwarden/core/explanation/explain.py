"""The story of a kill, from everything that is known."""

from oomwarden.core.explanation.filled import filled_memory
from oomwarden.core.explanation.known_facts import KnownFacts
from oomwarden.core.explanation.kubelet_report import kubelet_report
from oomwarden.core.explanation.limit_origin import limit_origin
from oomwarden.core.explanation.next_steps import next_steps
from oomwarden.core.explanation.outcome import kill_outcome
from oomwarden.core.explanation.scores import scores
from oomwarden.core.explanation.story import KillStory, KillSubject, Sentences
from oomwarden.core.explanation.usage import usage_curve
from oomwarden.core.explanation.wording import amount, times
from oomwarden.core.history.earlier import EarlierKills, earlier_kills
from oomwarden.core.history.kill_record import KillRecord, text_at

_SHOWN_LIMITS = 5


def explain(facts: KnownFacts) -> KillStory:
    """Return the story."""
    record = facts.record
    kind, name = top_owner(facts)
    earlier = earlier_kills(record, facts.others, kind, name)
    usage, filled = usage_curve(facts), filled_memory(facts)
    return KillStory(
        subject=_subject(record, f"{kind}/{name}"),
        outcome=kill_outcome(facts),
        limit=limit_origin(facts),
        usage=usage,
        filled=filled,
        kubelet=kubelet_report(facts),
        scores=scores(facts),
        earlier=earlier,
        recurrence=_recurrence(earlier, f"{kind} {name}"),
        next_steps=next_steps(facts, usage, filled, earlier),
        notes=(*facts.notes, *_reduced(record)),
    )


def top_owner(facts: KnownFacts) -> tuple[str, str]:
    """Return kind and name of the workload that people know."""
    if facts.template and facts.owners:
        reference = facts.template.owner.reference
        return reference.kind, reference.name
    return facts.record.owner or ("Pod", facts.record.pod or "unknown")


def _reduced(record: KillRecord) -> Sentences:
    reason = text_at(record.manifest, "reducedBy")
    return (f"The record has fewer details than usual ({reason}).",) if reason else ()


def _subject(record: KillRecord, workload: str) -> KillSubject:
    return KillSubject(
        record=record.name,
        namespace=record.namespace,
        pod=record.pod,
        container=record.container,
        candidates=record.containers if record.container is None else (),
        workload=workload,
        node=record.node,
        kills=record.kills,
        after=record.after,
        found=record.found,
    )


def _recurrence(earlier: EarlierKills, workload: str) -> str:
    if not earlier.kills:
        return f"No earlier kill of this container of {workload} is on record."
    first = earlier.first.strftime("%Y-%m-%d %H:%M UTC") if earlier.first else "an unknown time"
    if earlier.kills == 1:
        text = f"{workload} was killed once before, at {first}."
    else:
        text = (
            f"{workload} was killed {times(earlier.kills)} before: {earlier.last_24h} in 24 h, "
            f"{earlier.last_7d} in 7 days, the first at {first}."
        )
    limits = earlier.limits_bytes[-_SHOWN_LIMITS:]
    if len(limits) > 1:
        changed = "rose" if list(limits) == sorted(limits) else "changed"
        text += f" Its limit {changed}: {' -> '.join(map(amount, limits))}."
    return text
