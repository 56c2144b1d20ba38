"""What the process of an agent loads: a DaemonSet is paid for on every node."""

import json
import subprocess
import sys

CODE = """
import json, pkgutil, sys
from importlib import import_module
import oomwarden.agent.main
for name in ("agent", "kernel", "kube", "probes", "log_output"):
    package = import_module(f"oomwarden.{name}")
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(each.name)
print(json.dumps(sorted(sys.modules)))
"""


def test_no_module_that_an_agent_may_import_loads_pydantic() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True)
    loaded = json.loads(run.stdout)
    assert {"oomwarden.agent.run", "oomwarden.api.oomnode", "msgspec"} <= set(loaded)
    of_pydantic = ("pydantic", "annotated_types", "oomwarden.api.models", "oomwarden.api.schema.c")
    assert [name for name in loaded if name.startswith(of_pydantic)] == []


def test_a_starting_agent_loads_no_library_for_a_rare_case() -> None:
    code = (
        "import json, sys; from oomwarden.agent import start; start.leave_out_unused_modules()\n"
        "import oomwarden.agent.main\n"
        "loaded = [name for name, each in sys.modules.items() if hasattr(each, '__file__')]\n"
        "print(json.dumps(loaded))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    rare = {"typing_extensions", "tempfile", "shutil", "fractions", "http.client", "email", "yaml"}
    rare |= {"msgspec.inspect", "msgspec._json_schema"}
    assert not rare & set(json.loads(run.stdout))
