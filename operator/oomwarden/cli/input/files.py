"""Manifests from files, directories and standard input, as `kubectl -f` takes them."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.cli.input.documents import Document, DocumentError
from oomwarden.cli.input.json_documents import json_document
from oomwarden.cli.input.yaml_documents import yaml_documents

STDIN = "-"
STDIN_NAME = "standard input"
MAX_BYTES = 10 << 20
"""Of a file with policies; the largest policy has 80 KiB."""
MAX_FILES = 10_000
_ENDINGS = {".json", ".yaml", ".yml"}
_TEMPLATE = (
    "it is a Helm template, not a manifest: render it first, as in "
    "`helm template CHART | kubectl oom {command} -f -`"
)


class FileError(DocumentError):
    """A file cannot be read or parsed.

    Attributes:
        file: Its name.
    """

    def __init__(self, file: str, why: str, number: int = 0, line: int | None = None) -> None:
        super().__init__(why, number, line)
        self.file = file

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        document = f" (document {self.number}{place})" if self.number else ""
        return f"{self.file}{document}: {self.args[0]}"


def named(names: Sequence[str]) -> str:
    """Return names of files for people."""
    return ", ".join(STDIN_NAME if each == STDIN else each for each in names)


def expand(names: Sequence[str], *, recursive: bool) -> Iterator[str]:
    """Yield the files that names stand for: a directory for the manifests in it, sorted.

    Raises:
        CliError: A name is not that of a file, or a directory has no manifests.
    """
    for name in names:
        if "://" in name:
            raise CliError(f"{name} is a URL: download it, and pass it with -f -", USAGE)
        if name == STDIN or not Path(name).is_dir():
            yield name
            continue
        found = list(_manifests(Path(name), recursive=recursive))
        if not found:
            more = "" if recursive else "; -R also looks in the directories below"
            raise CliError(f"{name} has no files that end in .yaml, .yml or .json{more}")
        yield from found


def _manifests(folder: Path, *, recursive: bool) -> Iterator[str]:
    try:
        paths = folder.rglob("*") if recursive else folder.iterdir()
        found = [each for each in paths if each.suffix in _ENDINGS and each.is_file()]
    except OSError as error:
        raise CliError(f"cannot read {folder}: {error.strerror}") from error
    if len(found) > MAX_FILES:
        raise CliError(f"{folder} has {len(found)} manifests, more than {MAX_FILES}: name fewer")
    yield from map(str, sorted(found))


def read_text(name: str, largest: int = MAX_BYTES) -> str:
    """Return the text of a file, or of standard input.

    Raises:
        FileError: It cannot be read, is too large, or is not UTF-8.
    """
    shown = STDIN_NAME if name == STDIN else name
    try:
        if name == STDIN:
            raw = sys.stdin.buffer.read(largest + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(largest + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is not that of a file"
        raise FileError(shown, f"cannot be read: {why}") from error
    if len(raw) > largest:
        raise FileError(shown, f"it is larger than {largest >> 20} MiB: split it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        what = "it is UTF-16" if utf16 else f"byte {error.start + 1} is not UTF-8"
        raise FileError(shown, f"{what}: save it as UTF-8") from error


def documents(
    name: str, command: str = "check", largest: int = MAX_BYTES
) -> Iterator[Document | FileError]:
    """Yield the documents of a file, each item of a List by itself, or why one cannot be parsed.

    Args:
        name: The file, or - for standard input.
        command: The sub-command, for the remedy of an error.
        largest: How large it may be, in bytes; JSON that may be large is not read strictly.
    """
    shown = STDIN_NAME if name == STDIN else name
    try:
        text = read_text(name, largest)
    except FileError as error:
        yield error
        return
    for found in _parsed(text, strict=largest <= MAX_BYTES):
        if isinstance(found, DocumentError) and "{{" in text:
            yield FileError(shown, _TEMPLATE.format(command=command), line=found.line)
            return
        if isinstance(found, DocumentError):
            yield FileError(shown, str(found), found.number, found.line)
        else:
            yield from _items(replace(found, file=shown))


def _parsed(text: str, *, strict: bool) -> Iterable[Document | DocumentError]:
    """Parse a text that begins as JSON does as JSON, and else as YAML.

    YAML also gives the lines of JSON, where it understands it alike; and {kind: OOMPolicy} is YAML.
    """
    if not text.lstrip().startswith("{") or "{{" in text:
        return yaml_documents(text)
    if not strict:
        return _fast(text)
    as_yaml = list(yaml_documents(text))
    try:
        as_json = json_document(text)
    except DocumentError as error:
        is_yaml = not any(isinstance(each, DocumentError) for each in as_yaml)
        return as_yaml if is_yaml else [error]
    return as_yaml if as_yaml == [replace(as_json, line=as_yaml[0].line)] else [as_json]


def _fast(text: str) -> Iterable[Document | DocumentError]:
    try:
        return [json_document(text, strict=False)]
    except DocumentError:
        return yaml_documents(text)


def _items(document: Document) -> Iterator[Document]:
    """Yield the items of a List, as kubectl takes them apart; any other document as it is."""
    value = document.value
    if not isinstance(value, dict) or not str(value.get("kind", "")).endswith("List"):
        yield document
        return
    items = value.get("items")
    kind = str(value["kind"]).removesuffix("List")
    for index, each in enumerate(items if isinstance(items, list) else []):
        if kind and isinstance(each, dict):  # the items of a PodList do not name their kind
            each.setdefault("kind", kind)
            each.setdefault("apiVersion", value.get("apiVersion"))
        prefix = f"items[{index}]"
        own = [path for path in document.duplicates if path.startswith(f"{prefix}.")]
        inner = tuple(path.removeprefix(f"{prefix}.") for path in own)
        line = document.line_of(prefix)
        yield from _items(replace(document, value=each, line=line, duplicates=inner))
