"""Which way of computing each sparse layer is the fastest here."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch
from torch import Tensor, nn

from nnmass.errors import SpecError, whole_number
from nnmass.slim._sparse._layer import PSConv2d
from nnmass.slim._sparse._operation import WAYS, Way

_WARM_UP = 2


def tuned(model: nn.Module, images: Tensor, *, n_rounds: int = 10) -> nn.Module:
    """A copy for inference whose sparse layers each run the way that was fastest here.

    The network is run as a whole, some rounds in each way by turns, so that every layer is timed
    among the others, with cold caches. It is the best for this machine, this number of threads and
    batches of this size; values change by rounding alone.

    Args:
        model: From `sparsify`, with batch norms folded for the fastest result (`fold_batch_norm`);
            it is left as it was.
        images: (N, C, H, W), in the memory format of later use.
        n_rounds: In each way.

    Returns:
        The copy, in evaluation mode.

    Raises:
        SpecError: There is no layer to choose for.

    Source:
        Ours.

    Example:
        >>> from nnmass.slim import sparsify
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1))
        >>> fast = tuned(sparsify(net), torch.zeros(1, 3, 8, 8), n_rounds=1)
        >>> fast[1].way in ("shift", "shift-nhwc", "product")
        True
    """
    n_rounds = whole_number(n_rounds, "n_rounds", low=1)
    fast = copy.deepcopy(model).eval()
    layers = [m for m in fast.modules() if isinstance(m, PSConv2d) and m.layout.windows]
    if not layers:
        raise SpecError(
            f"tuned takes a network with sparse convolutions of assign='in' or 'same', as "
            f"nnmass.slim.sparsify gives it; this {type(model).__name__} has none"
        )
    ways = [way for way in WAYS if way != "product" or len(images) == 1]
    seconds: dict[Way, dict[PSConv2d, list[float]]] = {way: {} for way in ways}
    with torch.no_grad():
        for turn in range(n_rounds + _WARM_UP):
            for way in ways:
                for layer in layers:
                    layer.way = way
                with _timed(layers, seconds[way] if turn >= _WARM_UP else {}):
                    fast(images)
    for layer in layers:
        if layer in seconds[ways[0]]:  # a layer that does not run has no times
            layer.way = min(ways, key=lambda way: median(seconds[way][layer]))
    return fast


@contextmanager
def _timed(layers: list[PSConv2d], seconds: dict[PSConv2d, list[float]]) -> Iterator[None]:
    """Add the time of every call of ``layers`` to ``seconds``."""
    began: dict[nn.Module, float] = {}

    def enter(layer: nn.Module, _: object) -> None:
        _finish(layer)
        began[layer] = time.perf_counter()

    def leave(layer: nn.Module, _: object, __: object) -> None:
        _finish(layer)
        assert isinstance(layer, PSConv2d)  # hooks are on no others
        seconds.setdefault(layer, []).append(time.perf_counter() - began[layer])

    handles = [layer.register_forward_pre_hook(enter) for layer in layers]
    handles += [layer.register_forward_hook(leave) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _finish(layer: nn.Module) -> None:
    """Wait for the device: its calls return before they are done."""
    tensor = next(layer.parameters())
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
