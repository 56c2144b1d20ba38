"""Run the operator as in a pod: `python -m bench.scale.in_pod FOLDER ...`.

FOLDER has the token and the CA, as the folder of a service account.
An earlier commit that knows only its fixed folder uses KUBECONFIG instead.
"""

import sys
from functools import partial
from pathlib import Path

from oomwarden.controller import login, main


def use_account(account: Path) -> None:
    """Let the operator read its token and the CA from a folder."""
    vars(login).update(ACCOUNT=account, ACCOUNT_DIRECTORY=account)  # its name earlier, and now
    try:
        from oomwarden.kube.http.connect import default_transport  # noqa: PLC0415 - see above
        from oomwarden.kube.transport import client  # noqa: PLC0415
    except ImportError:
        return
    vars(client)["default_transport"] = partial(default_transport, account=account)


if __name__ == "__main__":
    use_account(Path(sys.argv.pop(1)))
    sys.exit(main.main())
