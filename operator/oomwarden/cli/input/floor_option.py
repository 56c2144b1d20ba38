"""The option --floor: namespacedFloor of the chart's values."""

from oomwarden.api.vocabulary import SCORE_MAX, SCORE_MIN
from oomwarden.cli.errors import USAGE, CliError
from oomwarden.core.enforcement.scoring import Floor

_KUBELET = "kubelet"


def floor_option(text: str | None) -> Floor | None:
    """Return the floor; None if none is given.

    Raises:
        CliError: It is no floor.
    """
    if text is None:
        return None
    if text == _KUBELET:
        return Floor(None)
    if not text.removeprefix("-").isdecimal() or not SCORE_MIN <= int(text) <= SCORE_MAX:
        what = f"a score from {SCORE_MIN} to {SCORE_MAX}, or {_KUBELET}"
        raise CliError(f"--floor: {text!r} is not a floor: write {what}", USAGE)
    return Floor(int(text))
