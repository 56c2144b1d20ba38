"""Stops what an interrupted command has started."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from e2e.lab import lab
from e2e.lab.instance import Instance
from e2e.lab.progress import say


@contextmanager
def stop_on_interrupt(instance: Instance) -> Iterator[None]:
    """Stop the instance if the block is interrupted, unless it ran before."""
    before = names_of(running_instances([instance]))
    try:
        yield
    except KeyboardInterrupt:
        stop_new_instances([instance], before)
        raise


def stop_new_instances(instances: Iterable[Instance], before: Collection[str]) -> None:
    """Stop the instances that run now and did not run before.

    Args:
        instances: The instances to check.
        before: The names of those that ran when the work started.
    """
    for one in running_instances(instances):
        if one.name not in before:
            lab.down(one)
            say(f"Interrupted: stopped lab {one.name}, which this run had started.")


def running_instances(instances: Iterable[Instance]) -> list[Instance]:
    """Return the instances with at least one running component."""
    return [one for one in instances if any(lab.component_states(one).values())]


def names_of(instances: Iterable[Instance]) -> set[str]:
    """Return the instances' names."""
    return {one.name for one in instances}
