"""Global random generators left as they were."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

from nnmass.errors import SpecError


@contextlib.contextmanager
def unchanged_randomness() -> Iterator[None]:
    """A block after which Python, numpy and torch draw as if it had not been there."""
    python = random.getstate()
    numbers = np.random.get_state()  # noqa: NPY002 - the global generator is what is kept
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002


@contextlib.contextmanager
def drawing_from(seed: int | None) -> Iterator[None]:
    """A block in which the global generators start at ``seed``, and move on for nobody else.

    ``None`` leaves them where they are. What is imported in the block may draw, too, the first
    time: import before it.

    Raises:
        SpecError: No generator takes such a seed.
    """
    with unchanged_randomness():
        if seed is not None:
            _start_at(seed)
        yield


def _start_at(seed: int) -> None:
    if seed >= 2**64:
        raise SpecError(f"seed must be below 2**64 for torch's generators, got {seed}")
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # else it would be seeded when it starts, for everybody
        torch.cuda.manual_seed_all(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - some makers draw from the global one
    random.seed(seed)
