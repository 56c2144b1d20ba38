"""Amounts of memory that people type."""

from oomwarden.cli.errors import USAGE, CliError
from oomwarden.core.model.quantity import QuantityError, parse_bytes


def amount_option(option: str, text: str) -> int:
    """Return the bytes that an option such as --total gives.

    Raises:
        CliError: It is not an amount, or it is negative.
    """
    try:
        size = parse_bytes(text)
    except QuantityError as error:
        raise CliError(f"{option}: {error}", USAGE) from error
    if size < 0:
        raise CliError(f"{option} cannot be negative", USAGE)
    return size
