"""The one error that the lab shows to its user."""


class LabError(Exception):
    """What stands in the way, in one sentence that names the remedy."""
