"""How a sub-command fails: with one sentence on stderr and an exit code."""

FAILED = 1
"""The exit code if the command could not answer, or if the answer is bad news (`check`)."""
USAGE = 2
"""The exit code if the command line is wrong."""


class CliError(Exception):
    """What went wrong and what to do, in one sentence for people.

    Attributes:
        code: The exit code, FAILED or USAGE.
    """

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code
