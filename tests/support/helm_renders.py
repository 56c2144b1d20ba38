"""Stands for helm in the documentation's commands: renders what helm would install or upgrade.

`helm install NAME CHART ...` becomes `helm template NAME CHART ...`, so that a value which the
chart does not have, or does not accept, fails without a cluster. A chart of a registry stands for
the one of this repository.
"""

import os
import sys
from collections.abc import Sequence

_OURS = "charts/oomwarden"
_INSTALLS = {"install", "upgrade"}
_ALONE = {"--create-namespace", "--install", "-i", "--wait", "--atomic", "--take-ownership",
          "--reuse-values", "--reset-then-reuse-values"}  # fmt: skip
"""Options that helm template does not have, or that need a release."""
_KUBERNETES = ("--kube-version", "1.33.0")


def rendered(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with which helm renders; other sub-commands stay as they are."""
    if not arguments or arguments[0] not in {*_INSTALLS, "template"}:
        return list(arguments)
    kept = [_OURS if each.startswith("oci://") else each for each in arguments[1:]]
    kept = [each for each in kept if each not in _ALONE]
    if "--version" in kept:
        at = kept.index("--version")
        del kept[at : at + 2]
    return ["template", *kept, *(() if "--kube-version" in kept else _KUBERNETES)]


if __name__ == "__main__":
    helm, *given = sys.argv[1:]
    os.execv(helm, [helm, *rendered(given)])  # noqa: S606 - replaces this process
