"""What torch says of itself and of the devices; called in a process of its own."""

from __future__ import annotations


def torch_facts() -> dict[str, object]:
    """Version, build, threads, CUDA devices, and the device that ``auto`` stands for."""
    import torch

    has_cuda = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "threads": torch.get_num_threads(),
        "cuda_devices": _cuda_devices() if has_cuda else [],
        "has_mps": torch.backends.mps.is_available(),
        "device": _chosen(has_cuda=has_cuda),
    }


def _chosen(*, has_cuda: bool) -> str:
    from nnmass._device import named_device

    return str(named_device("cuda" if has_cuda else "cpu"))


def _cuda_devices() -> list[dict[str, object]]:
    import torch

    devices: list[dict[str, object]] = []
    for index in range(torch.cuda.device_count()):
        name = f"cuda:{index}"
        try:
            seen = torch.cuda.get_device_properties(index)
            entry: dict[str, object] = {"title": seen.name, "memory_bytes": seen.total_memory}
        except Exception as error:  # one that is taken or ill must not hide the others
            entry = {"title": f"cannot be used: {error}".partition("\n")[0], "memory_bytes": None}
        devices.append({"name": name, **entry})
    return devices
