"""`nnmass explore`: designs, networks and studies, live in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnmass.cli._errors import say

_PARAGRAPHS = (
    "Drag depth, width and links and see mass, cost, drawing and predicted accuracy change; set "
    "budgets and see the exact optimum and the front; lay a network of timm or torchvision beside "
    "it; open a study. The address holds all of it: a reload, a bookmark or a copied link shows "
    "the same.",
    "It listens on this machine alone unless --host tells otherwise, and asks nothing of any "
    "other. Stop it with Ctrl-C.",
    "Exit code: 0 stopped; 2 where the port is taken; 3 where the extra is missing.",
    "Examples:",
    "  nnmass explore",
    '  nnmass explore "dense-mlp(w=8,d=16,t=8,in=64)" --study mnist-mlp --port 0',
)
EPILOG = "\n\n".join(_PARAGRAPHS)

START = "dense-cnn(wm=2,d=13,t=40/80/125)"


def explore_verb(
    spec: Annotated[str, typer.Argument(help="What to begin with: a spec string.")] = START,
    study: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a study; those in this folder unless told.", show_default=False
        ),
    ] = None,
    fit: Annotated[
        Path | None,
        typer.Option(
            help="Model of `nnmass study fit --out`: predicts where no study is open.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="To listen at; 0 for any that is free.")] = 8765,
    host: Annotated[
        str, typer.Option(help="To listen at; others than this machine may look then.")
    ] = "127.0.0.1",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Explore designs, networks and studies in the browser; nothing leaves this machine."""
    import webbrowser

    from nnmass.report import Studies, explorer_app, serve
    from nnmass.specs import parse

    start = str(parse(spec))
    model = None
    if fit is not None:
        from nnmass.studies import load_fit

        model = load_fit(fit)
    studies = Studies(study) if study else Studies.within(Path())
    hosts = ("127.0.0.1", "localhost", "[::1]") + ((host,) if host else ())
    app = explorer_app(studies, start=start, fit=model, hosts=hosts)

    def tell(address: str) -> None:
        say(f"exploring at {address}   (Ctrl-C stops it)")
        if browser:
            webbrowser.open(address)

    serve(app, host=host, port=port, on_ready=tell)
