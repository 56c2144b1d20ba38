"""What a plan reads from files: the policies, and the objects of a cluster."""

from collections.abc import Sequence

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.input.checked_files import checked_files, title_of
from oomwarden.cli.input.files import FileError, documents, expand, named
from oomwarden.core.objects.json_parts import Manifest, object_at
from oomwarden.core.policy.policy import CLUSTER
from oomwarden.core.policy_check.namespaced_floor import below_floor
from oomwarden.core.policy_preview.manifests import Manifests

MAX_CLUSTER_BYTES = 256 << 20
"""Of a file with the objects of a cluster; 10,000 pods have about 80 MiB."""


def planned_policies(
    names: Sequence[str], namespace: str | None, *, recursive: bool
) -> list[Manifest]:
    """Return the policies of files, which the API server would accept.

    Args:
        names: The files and directories.
        namespace: The namespace that a person named; None for none.
        recursive: Whether to look in the directories below.

    Raises:
        CliError: There is no policy, or the API server would refuse one.
    """
    found = checked_files(list(names), None, recursive=recursive)
    if found.unreadable:
        raise CliError(str(found.unreadable[0]))
    for each in found.checked:
        if each.result.errors:
            first = each.result.errors[0]
            title = f"{each.title}: " if each.title else ""
            place = f"{each.document.file}:{each.line_of(first.path)}"
            raise CliError(f"{place}: {title}{first.sentence}; kubectl oom check names all errors")
    policies: list[Manifest] = [each.document.value for each in found.checked]
    if not policies:
        raise CliError(f"no OOMPolicy or ClusterOOMPolicy in {named(names)}")
    for policy in policies:
        own = object_at(policy, "metadata").get("namespace")
        if namespace and own and own != namespace and policy["kind"] != CLUSTER:
            what = f"{title_of(policy)} is not in the namespace {namespace} of -n: leave out -n"
            raise CliError(what, USAGE)
    return policies


def refuse_below(policy: Manifest, floor: int | None) -> None:
    """Refuse a policy as the API server does.

    Args:
        policy: A valid policy.
        floor: The floor for OOMPolicies; None if they may only raise scores.

    Raises:
        CliError: It has a score below the floor.
    """
    if policy["kind"] == CLUSTER or floor is None:
        return
    if sentence := below_floor(object_at(policy, "spec"), floor):
        raise CliError(f"{title_of(policy)} would be refused: {sentence}")


def cluster_objects(names: Sequence[str]) -> Manifests:
    """Return the objects of files, as `kubectl get pods,nodes,namespaces -A -o json` writes them.

    Raises:
        CliError: A file cannot be read or parsed.
    """
    found = Manifests()
    for name in expand(names, recursive=False):
        for each in documents(name, "plan", MAX_CLUSTER_BYTES):
            if isinstance(each, FileError):
                raise CliError(str(each))
            if not isinstance(each.value, dict):
                raise CliError(
                    f"{each.file}: it is not a list of objects: kubectl get pods -o json"
                )
            found.add([each.value])
    return found
