"""Where a probe runs: the device, and the threads of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nnmass.errors import DeviceError, whole_number


def device_for(device: str | torch.device | None, *, otherwise: torch.device) -> torch.device:
    """The device called ``device``, or ``otherwise`` for ``None``.

    Raises:
        DeviceError: It is unknown, or not on this machine.
    """
    if device is None:
        return otherwise
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise DeviceError(f"device must be cpu, cuda or cuda:N, got {device!r}") from None
    if found.type not in ("cpu", "cuda"):
        raise DeviceError(f"device must be cpu, cuda or cuda:N, got {device!r}")
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found.type == "cuda" and (found.index or 0) >= n_devices:
        raise DeviceError(
            f"device {str(device)!r} is not on this machine ({n_devices} CUDA devices, torch "
            f"{torch.__version__}); use cpu, or install a CUDA build of torch"
        )
    return found


def describe_device(name: str) -> dict[str, str]:
    """Torch's version, the device, the threads, of the device of that name.

    Raises:
        DeviceError: It is unknown, or not on this machine.

    Example:
        >>> sorted(describe_device("cpu"))
        ['device', 'threads', 'torch']
    """
    return describe(device_for(name, otherwise=torch.device("cpu")))


def describe(device: torch.device) -> dict[str, str]:
    """Torch's version, the device, the threads; for `nnmass.runs.environment`."""
    is_cuda = device.type == "cuda"
    name = f"{device} ({torch.cuda.get_device_name(device)})" if is_cuda else "cpu"
    return {
        "torch": torch.__version__,
        "device": name,
        "threads": str(torch.get_num_threads()),
    }


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
