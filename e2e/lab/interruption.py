"""What an interrupted command leaves running: nothing that it has started."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from e2e.lab import lab
from e2e.lab.instance import Instance
from e2e.lab.progress import say


@contextmanager
def ending_what_it_starts(instance: Instance) -> Iterator[None]:
    """Ends the instance when the work is interrupted, unless it ran before."""
    before = names_of(running_among([instance]))
    try:
        yield
    except KeyboardInterrupt:
        end_new([instance], before)
        raise


def end_new(instances: Iterable[Instance], before: Collection[str]) -> None:
    """Ends those instances that run and did not before.

    Args:
        instances: Which ones to look at.
        before: The names of those that ran when the work began.
    """
    for one in running_among(instances):
        if one.name not in before:
            lab.down(one)
            say(f"Interrupted: lab {one.name}, which this run had started, is down.")


def running_among(instances: Iterable[Instance]) -> list[Instance]:
    """Returns those of which any component runs."""
    return [one for one in instances if any(lab.component_states(one).values())]


def names_of(instances: Iterable[Instance]) -> set[str]:
    """Returns the instances' names."""
    return {one.name for one in instances}
