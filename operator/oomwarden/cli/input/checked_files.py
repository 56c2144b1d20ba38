"""The policies of files, and what is wrong with each."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oomwarden.cli.input.documents import Document
from oomwarden.cli.input.files import FileError, documents, expand
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.policy.policy import CLUSTER
from oomwarden.core.policy_check.manifest_check import (
    POLICY_KINDS,
    CheckError,
    CheckResult,
    CheckWarning,
    Stage,
    check_policy,
    resource_error,
)

_NO_MANIFESTS = {"Chart.yaml", "values.yaml", "kustomization.yaml", "kustomization.yml"}
"""Files that lie beside manifests."""
_NO_OBJECT = "it is not an object: a manifest has apiVersion, kind, metadata and spec"


@dataclass(frozen=True, slots=True)
class CheckedObject:
    """An object of a file, and what is wrong with it.

    Attributes:
        document: Where it is.
        title: Its kind and name; empty if it is no object.
        result: What is wrong with it.
    """

    document: Document
    title: str
    result: CheckResult

    def line_of(self, path: str) -> int:
        """Return the line of a field, or of the object if the path is empty."""
        line = self.document.line_of(path) if path else self.document.line
        return line or 1


@dataclass(slots=True)
class Findings:
    """What is wrong with all files.

    Attributes:
        checked: The policies, and what is no Kubernetes object.
        unreadable: What cannot be read or parsed.
        skipped: The other objects, counted by kind.
    """

    checked: list[CheckedObject] = field(default_factory=list)
    unreadable: list[FileError] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def is_empty(self) -> bool:
        """Whether there is no object at all."""
        return not (self.checked or self.unreadable or self.skipped)

    def fails(self, *, strict: bool) -> bool:
        """Return whether the check fails; with `strict` also because of warnings."""
        wrong = self.unreadable or any(each.result.errors for each in self.checked)
        warned = self.skipped or any(each.result.warnings for each in self.checked)
        return bool(wrong or (strict and warned))


def checked_files(names: list[str], floor: int | None, *, recursive: bool) -> Findings:
    """Check the policies of files and directories.

    Args:
        names: The files and directories.
        floor: The chart's namespacedFloor; None if it is `kubelet`.
        recursive: Whether to look in the directories below.

    Raises:
        CliError: There is no such file, or no manifest in a directory.
    """
    found, named = Findings(), set(names)
    places: dict[str, str] = {}
    for name in expand(names, recursive=recursive):
        if name not in named and Path(name).name in _NO_MANIFESTS:
            found.skipped[Path(name).name] += 1
            continue
        for each in documents(name):
            if isinstance(each, FileError):
                found.unreadable.append(each)
            elif (checked := _checked(each, floor, places)) is None:
                found.skipped[str(each.value["kind"])] += 1
            else:
                found.checked.append(checked)
    return found


def _checked(document: Document, floor: int | None, places: dict[str, str]) -> CheckedObject | None:
    """Return what is wrong with a document; None if it is no policy."""
    manifest = document.value
    if not isinstance(manifest, dict):
        return CheckedObject(document, "", _refused(_NO_OBJECT))
    title = title_of(manifest)
    if why := resource_error(manifest):
        return CheckedObject(document, title, _refused(why))
    if manifest["kind"] not in POLICY_KINDS:
        return None
    result = check_policy(manifest, document.duplicates, floor)
    place = f"{document.file}:{document.line or 1}"
    first = places.setdefault(title, place)
    if first != place and not result.errors:
        what = f"{title} is defined twice, first at {first}: the last one wins."
        twice = CheckWarning("metadata.name", "DefinedTwice", what)
        result = CheckResult(result.errors, (*result.warnings, twice))
    return CheckedObject(document, title, result)


def _refused(why: str) -> CheckResult:
    return CheckResult((CheckError(Stage.RESOURCE, "", why),))


def title_of(manifest: dict[str, Any]) -> str:
    """Return kind and name of any object, as in OOMPolicy shop/protect-db."""
    metadata = object_at(manifest, "metadata")
    name = metadata.get("name") or metadata.get("generateName") or "<unnamed>"
    namespace = "" if manifest.get("kind") == CLUSTER else metadata.get("namespace")
    where = f"{namespace}/" if namespace else ""
    return f"{manifest.get('kind') or 'object'} {where}{name}"
