"""Where a probe runs: the device, and the threads of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nnmass._device import describe, named_device
from nnmass.errors import whole_number


def device_for(device: str | torch.device | None, *, otherwise: torch.device) -> torch.device:
    """The device called ``device``, or ``otherwise`` for ``None``.

    Raises:
        DeviceError: It is unknown, or not on this machine.
    """
    return otherwise if device is None else named_device(device)


def describe_device(name: str) -> dict[str, str]:
    """Torch's version, the device, the threads, of the device of that name.

    Raises:
        DeviceError: It is unknown, or not on this machine.

    Example:
        >>> sorted(describe_device("cpu"))
        ['device', 'threads', 'torch']
    """
    return describe(named_device(name))


@contextmanager
def threads(n: int | None) -> Iterator[int]:
    """A block in which one operation on the CPU uses ``n`` threads; as before for ``None``.

    Yields:
        How many there are in the block; outside there are as many as before.

    Raises:
        SpecError: ``n`` is no whole number of at least 1.

    Example:
        >>> before = torch.get_num_threads()
        >>> with threads(2) as n:
        ...     print(n, torch.get_num_threads())
        2 2
        >>> torch.get_num_threads() == before
        True
    """
    before = torch.get_num_threads()
    wanted = before if n is None else whole_number(n, "threads", low=1)
    try:
        if wanted != before:
            torch.set_num_threads(wanted)
        yield wanted
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
