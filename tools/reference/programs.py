"""Arguments and environment variables of agent and operator, from their own code."""

import ast
import inspect
from collections.abc import Iterator, Mapping

from oomwarden.agent.runtime import settings
from oomwarden.controller import main as operator

from tools.reference.markdown import code, codes, page, prose, section, table

_NAME = "oomwarden-operator"
_FLOOR = "OOMWARDEN_NAMESPACED_FLOOR"
"""`kubelet` is None for the agent, so its default cannot be in the environment."""
_INTRO = (
    "The chart sets all of these; its [values](chart.md) are what to change. This page is for "
    "those who write manifests of their own."
)


class _Recorder(dict[str, str]):
    """An environment that notes which variables are read, and the defaults."""

    def __init__(self) -> None:
        super().__init__(NODE_NAME="node", POD_NAMESPACE="oomwarden")
        self.read: dict[str, str | None] = {}

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Note the variable."""
        if key.isupper():
            self.read.setdefault(key, None if key in self else default)
        return super().get(key, default)


def programs_page() -> str:
    """Return the page of both programs."""
    variables = agent_variables()
    meanings = _meanings()
    return page(
        "Programs",
        "operator/oomwarden/agent/runtime/settings.py and controller/main.py",
        _INTRO,
        section(
            "oomwarden-agent",
            "It has no arguments.",
            table(
                ("environment variable", "default", "meaning"),
                [
                    (code(name), _default(name, default), prose(meanings[name]))
                    for name, default in variables.items()
                ],
            ),
        ),
        section(
            _NAME,
            "`oomwarden-operator run` is the operator; `oomwarden-operator release` is what the "
            "Job of `helm uninstall` runs. Arguments override environment variables.",
            table(("argument", "default", "meaning"), operator_arguments()),
        ),
    )


def agent_variables() -> dict[str, str | None]:
    """Return the variables that the agent reads, in order, with their defaults."""
    environment = _Recorder()
    settings.from_environment(environment)
    return environment.read


def _default(name: str, default: str | None) -> str:
    if name == _FLOOR:
        return code(settings.DEFAULT_FLOOR)
    return "required" if default is None else code(default or '""')


def _meanings() -> Mapping[str, str]:
    """Return what the docstring of each setting says about its variable, which it names last."""
    (defined,) = ast.parse(inspect.getsource(settings.Settings)).body
    texts = [
        node.value.value
        for node in getattr(defined, "body", [])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    found = {}
    for text in (" ".join(str(each).split()) for each in texts):
        *before, last = text.rstrip(".").split("; ")
        name, _, more = last.partition(", ")
        found[name] = "; ".join(before) + (f": {more}" if more else "") + "."
    return found


def operator_arguments() -> Iterator[tuple[str, str, str]]:
    """Yield the arguments of the operator with their defaults, as its own parser has them."""
    parser = operator._parser({})  # noqa: SLF001 - its parse() reads the command line
    for each in parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
        if each.dest == "help":
            continue
        names = codes(each.option_strings or each.choices or ())
        default = "" if each.default is None else code(each.default if each.default != "" else '""')
        yield names, default, prose((each.help or "`run` is the default") + ".")
