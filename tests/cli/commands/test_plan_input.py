"""What `kubectl oom plan` says of a wrong command line, bad files and hostile names."""

import json
from pathlib import Path

import pytest

from tests.cli.commands.test_plan import written
from tests.support.command_line import CommandLine
from tests.support.previews import node, policy_manifest, running


@pytest.mark.parametrize(
    ("options", "sentence", "code"),
    [
        (["-o", "name"], "plan has no names to print", 2),
        (["--node-memory", "much"], "--node-memory: 'much' is not a quantity", 2),
        (["--node-memory", "-1Gi"], "--node-memory: -1Gi is not an amount of memory", 2),
        (["--floor", "low"], "--floor: 'low' is not a floor", 2),
        (["-n", "bank"], "OOMPolicy shop/p is not in the namespace bank of -n", 2),
        (["--pods", "/none.yaml"], "/none.yaml: cannot be read: No such file or directory", 1),
    ],
)
def test_a_wrong_command_line_is_a_sentence(
    oom: CommandLine, tmp_path: Path, options: list[str], sentence: str, code: int
) -> None:
    ran = oom.offline("plan", "-f", written(tmp_path, policy_manifest()), *options)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"error: {sentence}")


def test_an_invalid_policy_is_refused_with_its_place(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, policy_manifest(rules=[{"oomScoreAdj": 2000}]))
    ran = oom.offline("plan", "-f", file, "--pods", file)
    assert ran.code == 1
    assert ran.err.startswith(f"error: {file}:11: OOMPolicy shop/p: spec.rules[0].oomScoreAdj: Inv")
    pods = written(tmp_path, running(), name="pods.yaml")
    assert "no OOMPolicy or ClusterOOMPolicy in" in oom.offline("plan", "-f", pods).err
    valid = written(tmp_path, policy_manifest())
    assert "no pods or workloads in" in oom.offline("plan", "-f", valid, "--pods", valid).err
    Path(pods).write_text("[1, 2]")
    assert "it is not a list of objects" in oom.offline("plan", "-f", valid, "--pods", pods).err
    Path(pods).write_text("{")
    assert oom.offline("plan", "-f", valid, "--pods", pods).err.startswith(f"error: {pods} (")
    assert "not both" in oom.offline("plan", "-f", "-", "--pods", "-").err


def test_hostile_names_are_escaped(oom: CommandLine, tmp_path: Path) -> None:
    owner = {"kind": "K\x1b[31m", "name": "a\nb"}
    pods = tmp_path / "pods.json"
    pods.write_text(json.dumps(running(owner=owner, containers=[{"name": "\u202ex"}])))
    ran = oom.offline("plan", "-f", written(tmp_path, policy_manifest()), "--pods", str(pods))
    assert "K\\x1b[31m/a\\nb" in ran.out.replace("\\\\", "\\")
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out


def test_node_memory_stands_for_nodes_that_do_not_say(oom: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, policy_manifest())
    silent = {**node(), "status": {}}
    pods = written(tmp_path, running(), running("b", node="n2"), silent, name="pods.yaml")
    ran = oom.offline("plan", "-f", file, "--pods", pods, "-o", "json", "--node-memory", "20Gi")
    scores = [each["before"]["oomScoreAdj"] for each in json.loads(ran.out)["containers"]]
    assert scores == [950, 950]
