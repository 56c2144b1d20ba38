"""The line of a kill."""

from oomwarden.core.log_line.kill import about_kill, kill_message

from tests.support.kill_objects import oomkill


def test_a_kill_has_flat_keys_beside_the_whole_record() -> None:
    kill = oomkill(policy={"kind": "OOMPolicy", "name": "protect-db"})
    assert about_kill(kill)["about"] == {
        "kind": "OOMKill",
        "namespace": "shop",
        "name": "api-1-aaaa",
        "pod": "api-1",
        "container": "app",
        "owner": "Deployment/api",
        "node": "node-1",
        "policy": "OOMPolicy/protect-db",
        "reason": "OOMKilled",
        "cause": "ContainerLimit",
        "victim": "python3",
        "pid": 4242,
        "kills": 1,
        "victims": 1,
        "limitBytes": 512 << 20,
        "oomkill": kill,
    }


def test_what_is_unknown_of_a_kill_is_absent() -> None:
    kill = oomkill(container={"candidates": ["a", "b"]}, pod={"name": "api-1", "uid": "u"})
    del kill["limit"], kill["victims"]
    found = about_kill(kill)["about"]
    assert found.keys().isdisjoint({"container", "owner", "policy", "victim", "pid", "victims"})
    assert "limitBytes" not in found


def test_the_sentence_names_the_pod_and_says_what_the_event_says() -> None:
    said = kill_message(oomkill(), "container app: python3 (pid 4242) killed.")
    assert said == "pod shop/api-1, container app: python3 (pid 4242) killed."
