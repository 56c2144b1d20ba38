"""The synthetic node is what the agent's own readers take for a node."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oomwarden.api.models.policy import ClusterOOMPolicySpec, OOMPolicySpec
from oomwarden.core.kernel_log.kills import LogAssembler
from oomwarden.core.kernel_log.lines import parse_events, parse_records
from oomwarden.core.model.cgroup import Level
from oomwarden.core.pods.manifest import pod_facts
from oomwarden.kernel import inotify
from oomwarden.kernel.cgroup.counter_files import CounterNode
from oomwarden.kernel.cgroup.files import CgroupRoot, is_cgroup2
from oomwarden.kernel.cgroup.kubepods import find_kubepods
from oomwarden.kernel.cgroup.tree import CounterTree
from oomwarden.kernel.container.first_process import find_first_process
from oomwarden.kernel.inotify import Inotify
from oomwarden.kernel.proc.process import ProcRoot

from bench.weight.api.store import encoded
from bench.weight.synthetic import objects
from bench.weight.synthetic.cgroups import KUBEPODS
from bench.weight.synthetic.kernel_log import RING_BYTES, Victim
from bench.weight.synthetic.manifests import manifest
from bench.weight.synthetic.node import Node, Place
from bench.weight.synthetic.pods import Container, Pod, pods


@pytest.fixture(name="node")
def a_small_node(tmp_path: Path) -> Node:
    return Node(tmp_path, pods(6, two_containers=3, two_processes=2))


@pytest.fixture(name="full_node", scope="module")
def a_full_node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node(tmp_path_factory.mktemp("full"))


def tree_of(node: Node, appeared: list[CounterNode] | None = None) -> CounterTree:
    found = appeared if appeared is not None else []
    root = CgroupRoot(node.cgroups.root)
    tree = CounterTree(root, found.append, lambda _: None)
    kubepods = find_kubepods(root)
    assert kubepods is not None
    tree.start(kubepods)
    return tree


def test_the_agent_finds_a_cgroup_v2_with_all_pods_and_containers(full_node: Node) -> None:
    assert is_cgroup2(full_node.cgroups.root)
    tree = tree_of(full_node)
    levels = [each.cgroup.level for each in tree.nodes.values()]
    assert levels.count(Level.POD) == 110
    assert levels.count(Level.CONTAINER) == 257
    tree.close()


def test_a_kill_is_counted_from_its_cgroup_up_to_kubepods(node: Node) -> None:
    tree = tree_of(node)
    place = node.places()[0]
    node.kill(place)
    paths = {each.cgroup.path: each for each in tree.nodes.values()}
    struck = [paths[place.path], paths[place.path.rpartition("/")[0]], paths[KUBEPODS]]
    events = [each.read_events() for each in struck]
    assert events == [events[0]] * 3
    assert events[0] is not None
    victims = place.container.processes
    assert (events[0].oom_kill, events[0].oom_group_kill) == (victims + 1, 1)
    tree.close()


def test_the_kernel_log_has_the_kill_of_each_victim(node: Node) -> None:
    place = next(each for each in node.places() if each.container.processes > 1)
    node.kill(place)
    events = parse_events(parse_records(node.log.path.read_bytes()))
    (kill,) = LogAssembler().feed(events)
    assert kill.group_path == kill.victim_cgroup == f"/{place.path}"
    assert len(kill.victims) == 2
    assert kill.repeated


def test_the_kernel_log_stays_within_its_ring_and_begins_with_a_whole_line(node: Node) -> None:
    for place in node.places() * 12:
        node.log.group_kill(place.path, [Victim(1, "x" * 15, 0)] * 20)
    text = node.log.path.read_bytes()
    assert len(text) <= RING_BYTES
    assert re.match(rb"<\d>\[", text)


def test_containers_get_their_names_from_the_mounts_of_their_processes(node: Node) -> None:
    tree = tree_of(node)
    paths = {each.cgroup.path: each.cgroup for each in tree.nodes.values()}
    proc = ProcRoot(node.processes.root)
    for place in node.places()[:5]:
        first = find_first_process(tree.root, proc, paths[place.path])
        assert (first.name, first.score) == (place.container.name, place.pod.score)
    pause = Place(node.pods[0], Container("pause"))
    assert find_first_process(tree.root, proc, paths[pause.path]).name is None
    tree.close()


def test_a_new_cgroup_raises_the_event_that_a_directory_watch_waits_for(node: Node) -> None:
    place = node.places()[0]
    watches = Inotify()
    watches.open()
    directory = node.cgroups.root / place.path.rpartition("/")[0]
    watches.add(directory, inotify.IN_CREATE | inotify.IN_DELETE | inotify.IN_ONLYDIR)
    node.kill(place)
    assert not watches.wait(0)
    node.remove_container(place)
    assert watches.wait(0)
    node.restart_container(place)
    assert watches.wait(0)
    watches.close()


def test_a_restarted_container_has_another_id_and_its_pod_says_how_it_ended(node: Node) -> None:
    place = node.places()[0]
    node.kill(place)
    ended = manifest(node.remove_container(place))
    assert "terminated" in ended["status"]["containerStatuses"][0]["state"]
    pod = node.restart_container(place)
    (again, *_) = (each for each in node.places() if each.pod.number == place.pod.number)
    assert again.path != place.path
    status = manifest(pod)["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert place.container.id_in(pod.uid) in json.dumps(status["lastState"])


def test_a_removed_pod_leaves_no_cgroup_and_no_process(node: Node) -> None:
    before = len(list(node.processes.root.iterdir()))
    pod = Pod(999, (Container("main", 2),))
    node.start_pod(pod)
    assert len(list(node.processes.root.iterdir())) == before + 3
    node.end_pod(pod)
    assert len(list(node.processes.root.iterdir())) == before
    assert not list(node.cgroups.root.rglob(f"*{pod.uid.replace('-', '_')}*"))


@given(st.integers(0, 5000), st.integers(1, 3))
def test_every_pod_is_one_that_the_agent_reads_whole(number: int, containers: int) -> None:
    pod = Pod(number, tuple(Container(f"c{index}") for index in range(containers)))
    facts = pod_facts(manifest(pod))
    assert not facts.unreadable
    assert (facts.namespace, facts.name, str(facts.qos)) == (pod.namespace, pod.name, pod.qos)
    assert [each.name for each in facts.containers] == [each.name for each in pod.containers]


def test_pods_have_the_size_of_real_ones_on_average(full_node: Node) -> None:
    sizes = [len(encoded(manifest(pod))) for pod in full_node.pods.values()]
    assert 8_300 < sum(sizes) / len(sizes) < 8_800


def test_six_policies_are_valid_and_select_every_pod_once(full_node: Node) -> None:
    specs: list[OOMPolicySpec] = [
        ClusterOOMPolicySpec.model_validate(each["spec"]) for each in objects.cluster_policies()
    ]
    specs += [OOMPolicySpec.model_validate(each["spec"]) for each in objects.policies()]
    tiers = [(spec.pod_selector.match_labels or {})["tier"] for spec in specs]
    assert len(tiers) == 6
    assert {pod.tier for pod in full_node.pods.values()} == set(tiers)
    widths = {len(str(rule.oom_score_adj)) for spec in specs for rule in spec.rules}
    assert widths == {4}
