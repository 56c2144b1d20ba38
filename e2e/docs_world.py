"""The cluster that the documentation's commands are about: namespace `shop` with its workloads."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from oomwarden.core.diagnosis.node_health import failing_conditions
from oomwarden.core.diagnosis.node_view import read_node

from e2e.mode_switch import ModeSwitch
from e2e.plugin import Answer, Plugin, plugin_of_admin
from e2e.workloads import Manifest, container
from e2e.world import GROUP, PATIENCE, VERSION, Release, World, eventually
from tools.site.blocks import Block, Command, Run, commands_of, run_of
from tools.site.folder import link_repository
from tools.site.output import differs

ROOT = Path(__file__).resolve().parent.parent
SHOP = "shop"
_LATE_SECONDS = 60.0
"""How long an output may need to become what the page shows, such as the status of a policy."""
_RECOVERS_SECONDS = 660.0
"""How long a node may need after other stories until no condition of its is False: a record that
was refused is tried again after ten minutes at the latest (agent/delivery/retry_queue.py)."""
_KILLED_ONCE = "[ -e /marks/killed ] || { touch /marks/killed; hog 200; }; sleep 1000000"
_DATABASE = "sleep 1000000 & sleep 1000000 & wait"
_IDLE = "sleep 1000000"
WORKLOADS = {
    "api": _KILLED_ONCE,
    "report-worker": _KILLED_ONCE,
    "db": _DATABASE,
    "checkout": _IDLE,
    "batch": _IDLE,
}
"""What the container of each workload runs."""
_KILLS = 2
_READS = re.compile(
    r"kubectl (?:-n \S+ )?"
    r"(?:get|describe|logs|explain|oom (?:doctor|kills|nodes|rank|why))\b[^|;&>\\]*$"
)
"""Commands in one line that change nothing."""
_BATCH = {"report-worker", "batch"}
_DATABASES = {"db"}


def workload(name: str, image: str) -> Manifest:
    """Return a workload with one pod, whose container and label `app` have its name."""
    app = container(name, image, "sh", "-c", WORKLOADS[name], limit="32Mi", request="16Mi")
    spec: Manifest = {
        "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "marks", "emptyDir": {}}],
        "containers": [app | {"volumeMounts": [{"name": "marks", "mountPath": "/marks"}]}],
    }
    labels = {"app": name} | ({"tier": "batch"} if name in _BATCH else {})
    kept = {"serviceName": name} if name in _DATABASES else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet" if kept else "Deployment",
        "metadata": {"name": name, "namespace": SHOP, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        }
        | kept,
    }


@dataclass(frozen=True)
class DocsWorld:
    """Runs blocks of the documentation on the cluster.

    Attributes:
        plugin: kubectl with the plugin.
        folder: The working directory.
        names: What words in commands stand for (CONTRIBUTING.md, Documentation).
        seen: Commands that only read and have run: several pages have the same.
    """

    plugin: Plugin
    folder: Path
    names: dict[str, str]
    seen: set[str] = field(default_factory=set)

    def problems(self, blocks: list[Block]) -> list[str]:
        """Run the blocks of a page in their order; return what is wrong."""
        commands = [(block, command) for block in blocks for command in _single(block)]
        return [text for block, command in commands if (text := self._problem(block, command))]

    def _problem(self, block: Block, command: Command) -> str:
        wanted = run_of(block)
        if command.text in self.seen and not wanted.compares:
            return ""
        only_reads = bool(_READS.match(command.text))
        if only_reads:
            self.seen.add(command.text)
        problem = ""

        def as_shown() -> bool:
            """The command does what the page shows."""
            nonlocal problem
            problem = _unlike(command, wanted, self._run(command))
            return not problem

        try:
            eventually(as_shown, _LATE_SECONDS / PATIENCE if only_reads else 0)
        except AssertionError:
            return f"{block.name}: `{command.text}` {problem}"
        return ""

    def _run(self, command: Command) -> Answer:
        text = command.text
        for word, name in self.names.items():
            text = re.sub(rf"(?<![\w=-]){word}(?![\w:-])|(?<==){word}(?![\w:-])", name, text)
        return self.plugin.shell(f"cd {self.folder} && {text}")


def _unlike(command: Command, wanted: Run, ran: Answer) -> str:
    """Return how what a command did differs from the page; empty if it does not."""
    if ran.code != wanted.exit:
        return f"has exit code {ran.code}: {ran.err}{ran.out}"
    if not wanted.compares:
        return ""
    any_order = wanted.any_order
    line = differs(command.output, ran.out, figures_may_differ=True, any_order=any_order)
    if not line:
        return ""
    like = get_close_matches(line, ran.out.splitlines(), n=2, cutoff=0)
    found = "\n".join([*like, "of:", ran.out])
    return f"does not print {line!r}, but:\n{found}"


def _single(block: Block) -> list[Command]:
    """Return the commands of a block; lines that only read are commands of their own."""
    commands = commands_of(block)
    lines = [line.split(" #")[0].rstrip() for line in block.text.splitlines()]
    if len(commands) == 1 and all(_READS.match(line) for line in lines):
        return [Command(line) for line in lines]
    return commands


@contextmanager
def docs_world(release: Release, folder: Path) -> Iterator[DocsWorld]:
    """Create the workloads of the documentation, two of which are OOM-killed once."""
    world = release.world
    world.make_namespace(SHOP)
    for name in WORKLOADS:
        world.apply(workload(name, world.cluster.busybox_image))
    try:
        names = _names(world)
        _await_recovery(world, names["NODE"])
        yield DocsWorld(_plugin(world, folder), _work(folder), names)
    finally:
        world.core.delete_collection_namespaced_pod(SHOP, grace_period_seconds=0)
        world.core.delete_namespace(SHOP, grace_period_seconds=0)


def _plugin(world: World, folder: Path) -> Plugin:
    programs = folder / "programs"
    programs.mkdir()
    return plugin_of_admin(world, programs)


def _work(folder: Path) -> Path:
    work = folder / "work"
    work.mkdir()
    link_repository(ROOT, work)
    return work


def _names(world: World) -> dict[str, str]:
    """Wait until both kills are on record and everything runs again; return the names."""

    def names() -> dict[str, str]:
        """The kills are on record, and all containers run."""
        pods = {
            one.metadata.labels["app"]: one for one in world.core.list_namespaced_pod(SHOP).items
        }
        states = [each for one in pods.values() for each in one.status.container_statuses or []]
        kills = {each["pod"]["name"]: each["metadata"]["name"] for each in world.kills(SHOP)}
        running = sum(each.state.running is not None for each in states)
        if running < len(WORKLOADS) or len(kills) < _KILLS:
            return {}
        api = pods["api"]
        return {
            "NODE": api.spec.node_name,
            "node-1": api.spec.node_name,
            "POD": api.metadata.name,
            "OOMKILL": kills[api.metadata.name],
            "NAMESPACE": SHOP,
        }

    return eventually(names, 60)


def _await_recovery(world: World, node: str) -> None:
    """Wait until no condition of the node is False because of the stories before."""
    failing: list[str] = []

    def recovered() -> bool:
        """The agent reports that all is well, as the pages show it."""
        found = read_node(world.node_report(node))
        failing[:] = [f"{each.type}: {each.message}" for each in failing_conditions(found)]
        return found.has_status and not failing

    try:
        eventually(recovered, _RECOVERS_SECONDS / PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"False after the stories before: {failing}") from error


@contextmanager
def policies_of_a_page(world: World) -> Iterator[None]:
    """Delete the policies that a page has applied, and set the mode switch back to Enforce."""
    before = _cluster_policies(world)
    yield
    where = (GROUP, VERSION)
    for name in _cluster_policies(world) - before:
        world.custom.delete_cluster_custom_object(*where, "clusteroompolicies", name)
    world.custom.delete_collection_namespaced_custom_object(*where, SHOP, "oompolicies")
    switch = ModeSwitch(world)
    if switch.mode() != "Enforce":
        switch.set_mode("Enforce")


def _cluster_policies(world: World) -> set[str]:
    found = world.custom.list_cluster_custom_object(GROUP, VERSION, "clusteroompolicies")["items"]
    return {each["metadata"]["name"] for each in found}
