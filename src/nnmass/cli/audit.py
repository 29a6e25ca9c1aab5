"""`nnmass audit`: proofs and bounds for the owner of a trained model; one file for each."""

from __future__ import annotations

import typer

from nnmass.cli._audit_bits import BITS_EPILOG, audit_bits
from nnmass.cli._audit_patch import PATCH_EPILOG, audit_patch
from nnmass.cli._audit_recheck import RECHECK_EPILOG, audit_recheck
from nnmass.cli._errors import reporting

app = typer.Typer(
    help="Audit a trained network: patch (certificates), bits (trojans), recheck.",
    no_args_is_help=True,
)
app.command("patch", epilog=PATCH_EPILOG)(reporting(audit_patch))
app.command("bits", epilog=BITS_EPILOG)(reporting(audit_bits))
app.command("recheck", epilog=RECHECK_EPILOG)(reporting(audit_recheck))
