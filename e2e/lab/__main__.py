"""Command line: `python3 -m e2e.lab up|down|status|kubectl|exec --name NAME`."""

import argparse
import json
import os
import signal
import subprocess
import sys

from e2e.lab import kind, lab, preflight
from e2e.lab.errors import LabError
from e2e.lab.instance import DEFAULT_MEMORY, Instance, Options, find
from e2e.lab.interruption import stop_on_interrupt
from e2e.lab.progress import say


def _up(instance: Instance, arguments: argparse.Namespace) -> int:
    with stop_on_interrupt(instance):
        lab.up(instance, _options(arguments))
    say(f"Lab {instance.name} is running. To use it in this shell:")
    say(f"  export KUBECONFIG={instance.kubeconfig} PATH={instance.bin}:$PATH")
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    return Options(arguments.memory, dict(arguments.kubelet), arguments.postgres)


def _down(instance: Instance, _: argparse.Namespace) -> int:
    ended = lab.down(instance)
    say(f"Lab {instance.name} is stopped. Ended: {', '.join(ended) or 'nothing'}.")
    return 0


def _down_kind(name: str) -> int:
    was_up = kind.down(name)
    say(f"Lab {name} is stopped. Deleted: {'its kind cluster' if was_up else 'nothing'}.")
    return 0


def _status(instance: Instance, _: argparse.Namespace) -> int:
    states = lab.component_states(instance)
    for name, pid in states.items():
        print(f"{name:20} {f'running, pid {pid}' if pid else 'not running'}")
    return 0 if all(states.values()) else 1


def _kubectl(instance: Instance, arguments: argparse.Namespace) -> int:
    return subprocess.call([instance.bin / "kubectl", *_command_words(arguments)])


def _exec(instance: Instance, arguments: argparse.Namespace) -> int:
    path = f"{instance.bin}:{os.environ['PATH']}"
    env = {**os.environ, "KUBECONFIG": str(instance.kubeconfig), "PATH": path}
    return subprocess.call(instance.in_namespace(*_command_words(arguments)), env=env)


def _command_words(arguments: argparse.Namespace) -> list[str]:
    words: list[str] = arguments.command
    return words[1:] if words[:1] == ["--"] else words


def kubelet_setting(text: str) -> tuple[str, object]:
    """Parse `NAME=VALUE`, where VALUE is JSON or, failing that, text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} does not have the form NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m e2e.lab")
    actions = parser.add_subparsers(required=True)
    for name, action, text in (
        ("up", _up, "build what is missing and start the cluster"),
        ("down", _down, "stop exactly what `up` started"),
        ("status", _status, "show which components are running"),
        ("kubectl", _kubectl, "run kubectl against the cluster"),
        ("exec", _exec, "run a command in the cluster's network namespace"),
    ):
        one = actions.add_parser(name, help=text)
        one.set_defaults(action=action)
        one.add_argument("--name", default="demo", help="the instance (default: demo)")
        if name == "up":
            one.add_argument(
                "--memory", type=int, default=DEFAULT_MEMORY, help="memory of the node, in MiB"
            )
            one.add_argument(
                "--postgres", action="store_true", help="include an image with PostgreSQL"
            )
            one.add_argument(
                *("--kubelet", "-k"),
                type=kubelet_setting,
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help="a setting of KubeletConfiguration, e.g. singleProcessOOMKill=true",
            )
        if name in {"kubectl", "exec"}:
            one.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def main() -> int:
    """Run the command line and return its exit code."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.action is _down and kind.is_possible():
            return _down_kind(arguments.name)
        preflight.check_machine()
        return int(arguments.action(find(arguments.name), arguments))
    except LabError as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Interrupted. Run the same command again to resume.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
