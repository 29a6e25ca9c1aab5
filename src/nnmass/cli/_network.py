"""The networks that a command line names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nnmass.errors import SpecError
from nnmass.specs import Spec, parse, read_spec

DATA_VARIABLE = "NNMASS_DATA"

DataDirOption = Annotated[
    Path | None, typer.Option(help="Folder of the data sets; NNMASS_DATA unless told.")
]

_PLACES = (
    "timm:NAME, torchvision:NAME, package.module:factory, a saved folder, a spec file or a spec "
    "string"
)
ANY_NETWORK_HELP = f"{_PLACES}."
NETWORKS_HELP = f"{_PLACES}; * in a name of timm or torchvision means all that match."
NETWORK_HELP = "A spec string such as 'dense-cnn(wm=2,d=13,t=40/80/125)', or a spec file or folder."


def read_network(text: str) -> Spec:
    """The spec that ``text`` names: a spec string, a spec file, or a saved network's folder."""
    if "(" not in text and (text.endswith(".json") or os.sep in text or Path(text).is_dir()):
        return read_spec(text)
    prefix, colon, _ = text.partition(":")
    if colon and "(" not in prefix:
        raise SpecError(
            f"{text!r} names a network of {prefix!r}, which has no spec: this verb takes a spec "
            "string, a spec file or a saved network; see `nnmass nets ls`. `nnmass inspect` takes "
            "any network"
        )
    return parse(text)


def data_folder(option: Path | None) -> Path | None:
    """``--data-dir``, or the environment variable ``NNMASS_DATA``."""
    if option is not None:
        return option
    variable = os.environ.get(DATA_VARIABLE, "")
    return Path(variable) if variable else None
