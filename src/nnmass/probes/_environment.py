"""The device that a probe runs on."""

from __future__ import annotations

from functools import cache

import torch

from nnmass.errors import DeviceError


def existing_device(device: str | torch.device) -> torch.device:
    """``device``, if this machine's torch can compute there.

    Raises:
        DeviceError: It cannot.
    """
    try:
        found = torch.empty(0, device=torch.device(device)).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise _no_device(device) from error
    if found.type == "meta":
        raise _no_device(device)
    return found


def _no_device(device: object) -> DeviceError:
    return DeviceError(
        f"device must be one that torch {torch.__version__} can compute on here, such as 'cpu', "
        f"got {device!r}; use device='cpu', or install a torch that has it"
    )


def environment_of(device: torch.device) -> dict[str, str]:
    """Versions, device and threads, for a result."""
    return {
        "nnmass": _version(),
        "torch": torch.__version__,
        "device": _name(device),
        "threads": str(torch.get_num_threads()),
    }


@cache
def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def _version() -> str:
    from nnmass._version import __version__

    return __version__
