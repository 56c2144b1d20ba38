"""Options for files, as kubectl has them."""

from typing import Annotated

import typer

Files = Annotated[
    list[str],
    typer.Option(
        "-f", "--filename", help="File, directory, or - for standard input; may be repeated."
    ),
]
Recursive = Annotated[
    bool, typer.Option("-R", "--recursive", help="Also directories below.", show_default=False)
]
