"""Devices, number formats and randomness of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from nnmass._device import named_device
from nnmass.errors import DeviceError


def resolve_device(name: str, *, precision: str = "float32") -> torch.device:
    """The device called ``name``; ``auto`` is CUDA where it is there, else the CPU.

    Args:
        name: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: What is computed in: ``float32`` or ``bfloat16``.

    Raises:
        DeviceError: The device is unknown or not on this machine, or lacks bfloat16.

    Example:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = named_device(name, allowed="auto, cpu, cuda or cuda:N", instead="--device cpu")
    is_wanted = device.type == "cuda" and precision == "bfloat16"
    if is_wanted and not torch.cuda.is_bf16_supported():
        raise DeviceError(f"device {name!r} has no bfloat16; use precision=float32")
    return device


def autocast(device: torch.device, *, precision: str) -> torch.autocast:
    """Forward passes in here compute in ``precision``; backward passes stay outside."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


@contextlib.contextmanager
def private_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """Dropout draws from ``seed`` in here; the global generators are put back afterwards.

    On CUDA the deterministic kernels are chosen as well, where there are any.
    """
    is_cuda = device.type == "cuda"
    was = torch.are_deterministic_algorithms_enabled()
    was_warning = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[device] if is_cuda else []):
        # `torch.manual_seed` would seed every CUDA device as well, and only some are put back.
        torch.default_generator.manual_seed(seed)
        if not is_cuda:
            yield
            return
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
                yield
        finally:
            torch.use_deterministic_algorithms(was, warn_only=was_warning)
