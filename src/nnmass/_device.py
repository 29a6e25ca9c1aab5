"""Devices by name, and what a record says of them."""

from __future__ import annotations

import torch

from nnmass.errors import DeviceError


def named_device(
    name: str | torch.device, *, allowed: str = "cpu, cuda or cuda:N", instead: str = "cpu"
) -> torch.device:
    """The device called ``name``: the CPU, or a CUDA device that this machine has.

    Args:
        name: ``cpu``, ``cuda`` or ``cuda:N``.
        allowed: What the message about an unknown name says.
        instead: What to use where there is no such CUDA device, as its user would write it.

    Raises:
        DeviceError: It is unknown, or not on this machine.

    Example:
        >>> named_device("cpu")
        device(type='cpu')
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise DeviceError(f"device must be {allowed}, got {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device must be {allowed}, got {name!r}")
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= n_devices:
        raise DeviceError(
            f"device {str(name)!r} is not on this machine ({n_devices} CUDA devices, torch "
            f"{torch.__version__}); use {instead}, or install a CUDA build of torch"
        )
    return device


def describe(device: torch.device) -> dict[str, str]:
    """Torch's version, the device, the threads; for `nnmass.runs.environment`."""
    is_cuda = device.type == "cuda"
    return {
        "torch": torch.__version__,
        "device": f"{device} ({torch.cuda.get_device_name(device)})" if is_cuda else "cpu",
        "threads": str(torch.get_num_threads()),
    }
