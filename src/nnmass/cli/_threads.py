"""The number of CPU threads, as an option of the verbs that compute."""

from __future__ import annotations

from typing import Annotated

import typer

from nnmass.errors import whole_number

ThreadsOption = Annotated[
    int | None, typer.Option(help="CPU threads; PyTorch's own choice unless told.")
]


def set_threads(threads: int | None) -> None:
    """Use so many threads; ``None`` leaves PyTorch's choice."""
    if threads is None:
        return
    import torch

    torch.set_num_threads(whole_number(threads, "--threads", low=1))
