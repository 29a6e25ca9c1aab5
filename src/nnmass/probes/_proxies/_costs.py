"""The baselines that every proxy has to beat."""

from __future__ import annotations

from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.tracing import trace


def params(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Number of parameters, trainable or not, tied ones once; higher is better.

    Not random, reads no images, batch norms count with their scales and shifts.

    Source:
        Every study of zero-cost proxies has it beside them; ours counts as `nnmass.trace`.
    """
    return float(sum(parameter.numel() for parameter in model.parameters()))


def macs(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Multiply-adds of one image: convolutions, linear layers, matrix products; higher is better.

    Not random; reads the shape of the images (N, C, H, W), not their values.

    Raises:
        ProbeError: The network holds operations whose multiply-adds are not known.
        TraceError: It cannot be traced.

    Source:
        `nnmass.trace`. Tables of NAS benchmarks that are called FLOPs often count normalisations,
        activations and poolings as well (see bench/proxies_nb201.py).
    """
    count = trace(model, tuple(images.shape[1:])).count
    if count.uncounted:
        raise ProbeError(
            f"the multiply-adds of {', '.join(count.uncounted)} are not known; give their rule "
            "with nnmass.tracing.register_rule"
        )
    return float(count.macs)
