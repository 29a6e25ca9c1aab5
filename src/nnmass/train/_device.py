"""Devices, number formats and randomness of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from nnmass.errors import DeviceError


def resolve_device(name: str, *, precision: str = "float32") -> torch.device:
    """The device called ``name``; ``auto`` is CUDA where it is there, else the CPU.

    Raises:
        DeviceError: The device is unknown or not on this machine, or lacks bfloat16.
    """
    has_cuda = torch.cuda.is_available()
    try:
        device = torch.device(("cuda" if has_cuda else "cpu") if name == "auto" else name)
    except (RuntimeError, TypeError):
        raise DeviceError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda":
        n_devices = torch.cuda.device_count() if has_cuda else 0
        if (device.index or 0) >= n_devices:
            raise DeviceError(
                f"device {name!r} is not on this machine ({n_devices} CUDA devices, torch "
                f"{torch.__version__}); use --device cpu, or install a CUDA build of torch"
            )
        if precision == "bfloat16" and not torch.cuda.is_bf16_supported():
            raise DeviceError(f"device {name!r} has no bfloat16; use precision=float32")
    return device


def describe_device(device: torch.device) -> dict[str, str]:
    """Device, torch version and threads, for the record of a run."""
    is_cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if is_cuda else "cpu"
    return {
        "torch": torch.__version__,
        "device": f"{device} ({name})" if is_cuda else name,
        "threads": str(torch.get_num_threads()),
    }


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
