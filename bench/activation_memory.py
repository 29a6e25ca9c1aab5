"""What PyTorch holds in feature maps, beside `peak_activation_bytes`: eager, without gradients.

    python bench/activation_memory.py [NETWORK ..]

Every storage that an operation gave and that is still referenced counts, after each operation;
weights and what an operation needs while it runs do not.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import nnmass

NETWORKS = (
    "resnet(depth=20)",
    "resnet(depth=50)",
    "mobilenet-v2",
    "densenet(depth=100,growth=12)",
    "dense-cnn(wm=2,d=13,t=40/80/125)",
    "dense-cnn-dw(wm=2,d=13,t=40/80/125)",
    "dense-cnn(wm=1,d=16,t=9999/9999/9999)",
)


class Held(TorchDispatchMode):
    """Bytes of the storages that are alive, and the most there were."""

    def __init__(self, weights: list[torch.Tensor]) -> None:
        super().__init__()
        self.weights = {StorageWeakRef(weight.untyped_storage()) for weight in weights}
        self.sizes: dict[StorageWeakRef, int] = {}
        self.peak = 0

    def add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        reference = StorageWeakRef(storage)
        if reference not in self.weights:
            self.sizes[reference] = storage.nbytes()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor)
        self.sizes = {key: size for key, size in self.sizes.items() if not key.expired()}
        self.peak = max(self.peak, sum(self.sizes.values()))
        return out


def held(text: str) -> tuple[int, int]:
    """What the network must keep, and what PyTorch kept."""
    net = nnmass.build(text).eval()
    image = torch.zeros(1, *net.spec.input_shape)
    with torch.no_grad(), Held([*net.parameters(), *net.buffers()]) as mode:
        mode.add(image)
        net(image)
    return net.spec.peak_activation_bytes, mode.peak


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    for text in parser.parse_args().networks:
        least, kept = held(text)
        print(f"{text:<40} {least / 2**20:7.2f} MiB, held {kept / 2**20:7.2f}, {kept / least:.2f}x")


if __name__ == "__main__":
    main()
