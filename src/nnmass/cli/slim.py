"""`nnmass slim`: smaller and faster networks of the same topology; one file for each way."""

from __future__ import annotations

import typer

from nnmass.cli._errors import reporting
from nnmass.cli._slim_sparse import SPARSE_EPILOG, slim_sparse
from nnmass.cli._slim_subnets import SUBNETS_EPILOG, slim_subnets

app = typer.Typer(help="Slim a network: sparse, subnets.", no_args_is_help=True)
app.command("sparse", epilog=SPARSE_EPILOG)(reporting(slim_sparse))
app.command("subnets", epilog=SUBNETS_EPILOG)(reporting(slim_subnets))
