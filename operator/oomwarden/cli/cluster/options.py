"""Options that mean the same as in kubectl."""

from typing import Annotated

import typer

from oomwarden.cli.cluster.completion import complete_contexts, complete_namespaces
from oomwarden.cli.output.objects import Output

Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        help="Namespace; the context's if it is not given.",
        autocompletion=complete_namespaces,
    ),
]
AllNamespaces = Annotated[
    bool, typer.Option("-A", "--all-namespaces", help="In all namespaces.", show_default=False)
]
Selector = Annotated[
    str | None, typer.Option("-l", "--selector", help="Label selector, such as app=api.")
]
Context = Annotated[
    str | None,
    typer.Option("--context", help="Context of the kubeconfig.", autocompletion=complete_contexts),
]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig; else KUBECONFIG.")
]
OutputForm = Annotated[Output | None, typer.Option("-o", "--output", help="Form of the output.")]
NoHeaders = Annotated[
    bool, typer.Option("--no-headers", help="Table without headings.", show_default=False)
]
Follow = Annotated[
    bool, typer.Option("-w", "--watch", help="Show what comes, until Ctrl-C.", show_default=False)
]
