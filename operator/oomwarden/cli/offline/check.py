"""`kubectl oom check`: strict validation of policies, without a cluster."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from oomwarden.cli.errors import FAILED, CliError
from oomwarden.cli.input.checked_files import CheckedObject, Findings, checked_files
from oomwarden.cli.input.file_options import Files, Recursive
from oomwarden.cli.input.files import FileError, named
from oomwarden.cli.input.floor_option import floor_option
from oomwarden.cli.output.objects import Output, serialized
from oomwarden.cli.output.terminal import visible
from oomwarden.cli.sub_command import sub_command
from oomwarden.core.enforcement.scoring import Floor
from oomwarden.core.objects.json_parts import object_at
from oomwarden.core.policy_check.field_errors import RULES_NOT_CHECKED
from oomwarden.core.policy_check.manifest_check import CheckError
from oomwarden.core.policy_check.namespaced_floor import DEFAULT_FLOOR

app = sub_command()


class CheckOutput(StrEnum):
    """Forms besides the lines for people."""

    JSON = "json"
    YAML = "yaml"


@app.command()
def check(
    files: Files,
    recursive: Recursive = False,
    floor: Annotated[
        str, typer.Option(help="namespacedFloor of the chart's values: a score, or kubelet.")
    ] = str(DEFAULT_FLOOR),
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Warnings and other kinds fail too.", show_default=False),
    ] = False,
    output: Annotated[
        CheckOutput | None, typer.Option("-o", "--output", help="Form of the output.")
    ] = None,
) -> None:
    """Validate policies as the API server would, without a cluster, and warn of pitfalls.

    The exit code is 1 if a policy would be refused, for CI. Objects of other kinds are skipped.

    \b
    Examples:
      kubectl oom check -f policies/ -R
      helm template charts/shop | kubectl oom check -f - --strict
      kubectl oom check -f protect-db.yaml --floor -300 -o json
    """
    lowest = (floor_option(floor) or Floor()).lowest
    found = checked_files(files, lowest, recursive=recursive)
    if found.is_empty:
        raise CliError(f"no objects in {named(files)}: is it the right file?")
    fails = found.fails(strict=strict)
    if output:
        sys.stdout.write(serialized(_report(found, passes=not fails), Output(output)))
    else:
        sys.stdout.write("".join(f"{visible(line)}\n" for line in _lines(found)))
    if fails:
        raise typer.Exit(FAILED)


def _lines(found: Findings) -> Iterator[str]:
    for each in found.checked:
        yield from _lines_of(each)
    for unreadable in found.unreadable:
        line = f":{unreadable.line}" if unreadable.line else ""
        yield f"{unreadable.file}{line}: error: {_why(unreadable)}"
    yield _summary(found)


def _lines_of(checked: CheckedObject) -> Iterator[str]:
    file, result = checked.document.file, checked.result
    title = f"{checked.title}: " if checked.title else ""
    if not (result.errors or result.warnings):
        yield f"{file}:{checked.line_of('')}: {title}valid"
    for error in result.errors:
        yield f"{file}:{checked.line_of(error.path)}: {title}{_words(error)}"
    for warning in result.warnings:
        text = f"warning: {warning.path}: {warning.message} ({warning.reason})"
        yield f"{file}:{checked.line_of(warning.path)}: {title}{text}"


def _words(error: CheckError) -> str:
    if error.sentence == RULES_NOT_CHECKED.sentence:  # follows from the errors before it
        return f"note: {error.sentence.rpartition(': ')[2]}"
    return f"error: {error.sentence}{error.hint and f'; {error.hint}'}"


def _why(error: FileError) -> str:
    return f"document {error.number}: {error.args[0]}" if error.number else str(error.args[0])


def _summary(found: Findings) -> str:
    results = [each.result for each in found.checked]
    wrong = sum(bool(each.errors) for each in results)
    warned = sum(bool(each.warnings) for each in results)
    parts = [f"{_count(len(results), 'object')} checked: {len(results) - wrong} valid"]
    parts += [f"{wrong} invalid"] if wrong else []
    parts += [f"{warned} with warnings"] if warned else []
    parts += [f"{_count(len(found.unreadable), 'document')} unreadable"] if found.unreadable else []
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.skipped.items()))
    return ", ".join(parts) + (f"; skipped: {kinds}" if kinds else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _report(found: Findings, *, passes: bool) -> dict[str, Any]:
    unreadable = [
        {"file": each.file, "document": each.number or None, "line": each.line, "error": _why(each)}
        for each in found.unreadable
    ]
    return {
        "passes": passes,
        "objects": [_as_object(each) for each in found.checked],
        "unreadable": unreadable,
        "skipped": dict(sorted(found.skipped.items())),
    }


def _as_object(checked: CheckedObject) -> dict[str, Any]:
    document, result = checked.document, checked.result
    manifest = document.value if isinstance(document.value, dict) else {}
    metadata = object_at(manifest, "metadata")
    return {
        "file": document.file,
        "document": document.number,
        "line": document.line,
        "kind": manifest.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "valid": not result.errors,
        "errors": [
            {
                "stage": each.stage.value,
                "path": each.path,
                "line": document.line_of(each.path),
                "message": each.sentence,
                "hint": each.hint,
            }
            for each in result.errors
        ],
        "warnings": [
            {
                "path": each.path,
                "line": document.line_of(each.path),
                "reason": each.reason,
                "message": each.message,
            }
            for each in result.warnings
        ],
    }
