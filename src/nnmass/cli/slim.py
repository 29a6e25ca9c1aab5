"""`nnmass slim`: smaller and faster networks of the same topology; one file for each way."""

from __future__ import annotations

import typer

from nnmass.cli._errors import reporting
from nnmass.cli._slim_sparse import SPARSE_EPILOG, slim_sparse

app = typer.Typer(help="Slim a network: sparse.", no_args_is_help=True)
app.command("sparse", epilog=SPARSE_EPILOG)(reporting(slim_sparse))
