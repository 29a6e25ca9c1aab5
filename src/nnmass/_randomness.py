"""Global random generators left as they were."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch


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
