"""The application of one sub-command."""

import typer


def sub_command() -> typer.Typer:
    """Return an application whose help is plain text, as kubectl's is."""
    return typer.Typer(
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
