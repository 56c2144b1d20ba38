import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from e2e.examples import EXAMPLES
from tests.support.command_line import CommandLine

VALID = """\
apiVersion: oomwarden.io/v1alpha1
kind: OOMPolicy
metadata: {name: protect-db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  rules:
  - oomScoreAdj: -500
"""
BAD = VALID.replace("-500", "1001").replace("protect-db", "greedy")
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
TOO_HIGH = "spec.rules[0].oomScoreAdj: Invalid value: 1001: oomScoreAdj must be -997..1000"


def written(tmp_path: Path, text: str | bytes, name: str = "p.yaml") -> str:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_each_policy_has_a_line_with_file_and_line(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, f"# two\n{VALID}---\n{BAD}")
    ran = oom.offline("check", "-f", file)
    assert ran.code == 1
    assert ran.lines == [
        f"{file}:2: OOMPolicy shop/protect-db: valid",
        f"{file}:16: OOMPolicy shop/greedy: error: {TOO_HIGH}",
        "2 objects checked: 1 valid, 1 invalid",
    ]


def test_the_examples_pass_even_strictly(oom: CommandLine) -> None:
    ran = oom.offline("check", "-f", str(EXAMPLES), "--strict")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[-1] == "7 objects checked: 7 valid"


def test_other_kinds_are_skipped_and_fail_only_strictly(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, f"{SERVICE}---\n{VALID}---\n{SERVICE}")
    ran = oom.offline("check", "-f", file)
    assert ran.code == 0
    assert ran.lines[-1] == "1 object checked: 1 valid; skipped: 2 Service"
    assert oom.offline("check", "-f", file, "--strict").code == 1


def test_warnings_fail_only_strictly(oom: CommandLine, tmp_path: Path) -> None:
    twice = written(tmp_path, f"{VALID}---\n{VALID}")
    ran = oom.offline("check", "-f", twice)
    assert ran.code == 0
    assert ran.lines[1] == (
        f"{twice}:11: OOMPolicy shop/protect-db: warning: metadata.name: OOMPolicy shop/protect-db "
        f"is defined twice, first at {twice}:1: the last one wins. (DefinedTwice)"
    )
    assert oom.offline("check", "-f", twice, "--strict").code == 1


def test_standard_input_json_and_lists_are_read(
    oom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [yaml.safe_load(BAD), yaml.safe_load(VALID)]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    piped(monkeypatch, json.dumps(listed, indent=1))
    ran = oom.offline("check", "-f", "-")
    assert ran.lines[0].startswith("standard input:")
    assert ran.lines[0].endswith(f": OOMPolicy shop/greedy: error: {TOO_HIGH}")
    assert ran.lines[1].endswith(": OOMPolicy shop/protect-db: valid")
    line = int(ran.lines[0].split(":")[1])
    assert json.dumps(listed, indent=1).splitlines()[line - 1].strip() == '"oomScoreAdj": 1001'


def test_directories_are_read_and_recursively_with_r(oom: CommandLine, tmp_path: Path) -> None:
    written(tmp_path, VALID, "a.yaml")
    written(tmp_path, "nothing", "notes.txt")
    written(tmp_path, "bases: []", "kustomization.yaml")
    written(tmp_path, BAD, "below/b.yml")
    ran = oom.offline("check", "-f", str(tmp_path))
    assert ran.lines[-1] == "1 object checked: 1 valid; skipped: 1 kustomization.yaml"
    assert oom.offline("check", "-f", str(tmp_path), "-R").code == 1


def test_json_output_has_stages_paths_and_lines(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, f"{BAD}  bogus: 1\n")
    ran = oom.offline("check", "-f", file, "-o", "json")
    found = json.loads(ran.out)
    assert (ran.code, found["passes"], found["unreadable"], found["skipped"]) == (1, False, [], {})
    (policy,) = found["objects"]
    assert (policy["file"], policy["document"], policy["line"]) == (file, 1, 1)
    assert (policy["kind"], policy["namespace"], policy["name"]) == ("OOMPolicy", "shop", "greedy")
    assert policy["errors"] == [
        {
            "stage": "Decoding",
            "path": "spec.bogus",
            "line": 8,
            "message": 'strict decoding error: unknown field "spec.bogus"',
            "hint": "",
        },
        {
            "stage": "Validation",
            "path": "spec.rules[0].oomScoreAdj",
            "line": 7,
            "message": TOO_HIGH,
            "hint": "",
        },
    ]
    assert yaml.safe_load(oom.offline("check", "-f", file, "-o", "yaml").out) == found


def test_rules_that_were_not_checked_are_a_note(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, VALID.replace("-500", "high"))
    assert oom.offline("check", "-f", file).lines[1] == (
        f"{file}:1: OOMPolicy shop/protect-db: note: some validation rules were not checked "
        "because the object was invalid; correct the existing errors to complete validation"
    )


def test_the_floor_is_an_option(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, VALID)
    ran = oom.offline("check", "-f", file, "--floor", "-300")
    assert ran.code == 1
    assert "spec.rules[0].oomScoreAdj is -500, but policies of a namespace" in ran.lines[0]
    assert oom.offline("check", "-f", file, "--floor", "kubelet").code == 0
    ran = oom.offline("check", "-f", file, "--floor", "-998")
    assert ran.code == 2
    assert ran.err.startswith("error: --floor: '-998' is not a floor: write a score from -997")


TAB = ":10: error: document 2: found a tab character that violates indentation: indent with spaces"
TEMPLATE = ":1: error: it is a Helm template, not a manifest: render it first, as in `helm template"
UNREADABLE: tuple[tuple[str | bytes, str], ...] = (
    (b"\xff\xfea\0", ": error: it is UTF-16: save it as UTF-8"),
    (b"kind: \xe9", ": error: byte 7 is not UTF-8: save it as UTF-8"),
    (f"{VALID}---\na: 1\n\tb: 2\n", TAB),
    ("a: [1\n", ":2: error: document 1: did not find expected ',' or ']'"),
    ('{"a" 1}', ":1: error: document 1: it is not JSON: Expecting ':' delimiter"),
    ("a: \x01", ": error: document 1: it contains the character U+0001, which is not allowed"),
    ("kind: {{ .Values.kind }}\n", TEMPLATE),
    ("a: &a [*a]\n", ":1: error: document 1: the anchor 'a' contains itself"),
    ("- 1\n", ":1: error: it is not an object: a manifest has apiVersion, kind, metadata and"),
)


@pytest.mark.parametrize(("text", "end"), UNREADABLE)
def test_what_cannot_be_read_is_named_with_its_place(
    oom: CommandLine, tmp_path: Path, text: str | bytes, end: str
) -> None:
    file = written(tmp_path, text)
    ran = oom.offline("check", "-f", file)
    assert (ran.code, ran.err) == (1, "")
    assert any(line.startswith(f"{file}{end}") for line in ran.lines), ran.lines


def test_a_bom_and_empty_documents_are_no_problem(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, f"\ufeff---\n---\n# nothing\n---\r\n{VALID}\n---\n".encode())
    assert oom.offline("check", "-f", file).lines[-1] == "1 object checked: 1 valid"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        ("missing.yaml", "missing.yaml: cannot be read: No such file or directory"),
        ("empty/", "has no files that end in .yaml, .yml or .json; -R also looks in the"),
        ("empty.yaml", "no objects in"),
    ],
)
def test_a_file_without_objects_is_an_error(
    oom: CommandLine, tmp_path: Path, make: str, sentence: str
) -> None:
    path = tmp_path / make
    if make.startswith("empty"):
        path.mkdir() if make.endswith("/") else path.write_text("# nothing\n")
    ran = oom.offline("check", "-f", str(path))
    assert ran.code == 1
    assert sentence.replace("missing.yaml:", "missing.yaml: error:") in ran.out + ran.err


def test_urls_and_large_files_are_refused_with_a_remedy(oom: CommandLine, tmp_path: Path) -> None:
    ran = oom.offline("check", "-f", "https://example.com/p.yaml")
    assert (ran.code, ran.err) == (
        2,
        "error: https://example.com/p.yaml is a URL: download it, and pass it with -f -\n",
    )
    file = written(tmp_path, b"# " + b"x" * (10 << 20))
    assert "it is larger than 10 MiB: split it" in oom.offline("check", "-f", file).out


def test_hostile_names_are_escaped(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, VALID.replace("protect-db", '"\\e[31m\\u202e"'))
    ran = oom.offline("check", "-f", file)
    assert "\x1b" not in ran.out
    assert "OOMPolicy shop/\\x1b[31m\\u202e" in ran.out
