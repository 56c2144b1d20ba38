import subprocess
import sys

from oomwarden.core.kill_test.sacrifice import LIMIT, PROGRAM, sacrificial_pod, user_for


def test_the_restricted_pod_security_standard_admits_the_pod() -> None:
    spec = sacrificial_pod("shop", "oom-test-1", "image")["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "volumes"} & spec.keys()
    assert spec["automountServiceAccountToken"] is False


def test_a_quota_finds_all_that_it_may_ask_for() -> None:
    (container,) = sacrificial_pod("shop", "oom-test-1", "image")["spec"]["containers"]
    assert container["resources"]["limits"].keys() == container["resources"]["requests"].keys()
    assert container["resources"]["limits"]["memory"] == LIMIT


def test_a_node_is_named_by_its_field_and_its_taints_are_tolerated() -> None:
    assert "affinity" not in sacrificial_pod("shop", "oom-test-1", "image")["spec"]
    spec = sacrificial_pod("shop", "oom-test-1", "image", node="node-7")["spec"]
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (field,) = terms["nodeSelectorTerms"][0]["matchFields"]
    assert field == {"key": "metadata.name", "operator": "In", "values": ["node-7"]}
    assert spec["tolerations"] == [{"operator": "Exists"}]


def test_a_named_image_gets_a_user_because_it_may_run_as_root() -> None:
    assert user_for(None) is None
    spec = sacrificial_pod("shop", "oom-test-1", "python:3", user=user_for("python:3"))["spec"]
    assert spec["securityContext"]["runAsUser"] > 0


def test_the_program_fills_its_memory_and_prints_the_time_of_each_step() -> None:
    bounded = PROGRAM.replace("time.sleep(2)\n", "").replace("while True", "while len(held) < 3")
    ran = subprocess.run(
        [sys.executable, "-c", f"{bounded}\nprint(sum(map(len, held)))"],
        capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    *times, size = ran.stdout.split()
    assert int(size) == 3 << 20
    assert [float(each) for each in times] == sorted(map(float, times))
    assert len(times) == 3
