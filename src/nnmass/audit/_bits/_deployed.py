"""A classifier as it is deployed in 8 bits: what is before its last layer, and that layer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from nnmass._evaluating import evaluating
from nnmass.audit._bits._last_layer import LastLayer, quantised_layer
from nnmass.errors import DataError, SpecError, TraceError

_BATCH = 256


class DeployedModel:
    """A copy of a classifier with int8 weights, split at its last linear layer.

    Weights of convolutions and linear layers are replaced by what their codes stand for, one scale
    for each layer; biases, norms and activations stay floats.

    Args:
        model: From pixels in [0, 1], (B, C, H, W), to logits (B, classes); left as it was.
        example: A few images, to run it on.
        device: Where the copy works.

    Raises:
        TraceError: There is no last linear layer whose output is the model's output, or it is
            called more than once, or its weights are used elsewhere.
        SpecError: The model is on the meta device, or no module.
        DataError: The model gives no numbers.
    """

    def __init__(
        self, model: nn.Module, example: Tensor, *, device: torch.device | str = "cpu"
    ) -> None:
        if not isinstance(model, nn.Module):
            raise SpecError(f"the audit takes a torch.nn.Module, got {model!r:.80}")
        if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
            raise SpecError(
                f"this {type(model).__name__} is on the meta device and has no weights: open it "
                "with weights=True"
            )
        self.device = torch.device(device)
        self.net = copy.deepcopy(model).to(self.device).eval().requires_grad_(False)
        self.path = _last_linear(self.net, example[:2].to(self.device))
        last = self.net.get_submodule(self.path)
        assert isinstance(last, nn.Linear)
        self.float_weights = last.weight.detach().cpu().float().clone()
        self.layer: LastLayer = quantised_layer(last.weight, last.bias)
        self.n_bytes = _quantise(self.net)
        self._last = last

    def features(
        self, images: Tensor, *, on_progress: Callable[[int, int], None] | None = None
    ) -> Tensor:
        """What the last layer is given, float32 (B, N), on the CPU."""
        parts = []
        with torch.no_grad():
            for first in range(0, len(images), _BATCH):
                some = images[first : first + _BATCH].to(self.device)
                parts.append(self.live_features(some).float().cpu())
                if on_progress is not None:
                    on_progress(min(first + _BATCH, len(images)), len(images))
        found = torch.cat(parts)
        if not bool(found.isfinite().all()):
            raise DataError("the model gives features that are no numbers: nothing can be counted")
        return found

    def live_features(self, images: Tensor) -> Tensor:
        """The same for images on the device, with gradients where they have them."""
        with self._watching() as seen:
            self.net(images)
        return seen[0]

    @contextmanager
    def _watching(self) -> Iterator[list[Tensor]]:
        seen: list[Tensor] = []
        hook = self._last.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        try:
            yield seen
        finally:
            hook.remove()


def _last_linear(net: nn.Module, images: Tensor) -> str:
    calls: list[tuple[str, Tensor, Tensor]] = []
    hooks = [
        module.register_forward_hook(
            lambda module, given, out, path=path: calls.append((path, given[0], out))
        )
        for path, module in net.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        with evaluating(net), torch.no_grad():
            output = net(images)
    except Exception as error:
        raise TraceError(
            f"this {type(net).__name__} cannot be run on images of {tuple(images.shape[1:])}: "
            f"{error}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    return _checked_last(net, calls, output)


def _checked_last(net: nn.Module, calls: list[tuple[str, Tensor, Tensor]], output: object) -> str:
    name = type(net).__name__
    if not isinstance(output, Tensor) or output.ndim != 2:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise TraceError(f"this {name} must give logits (B, classes), got {shape}")
    if not bool(output.isfinite().all()):
        raise DataError(f"this {name} gives logits that are no numbers: nothing can be counted")
    if not calls:
        raise TraceError(
            f"this {name} has no linear layer: the audit is of networks whose logits come from "
            "one, not from a convolution and pooling"
        )
    path, given, out = calls[-1]
    if out.shape != output.shape or not torch.equal(out, output):
        raise TraceError(
            f"the output of this {name} is not that of its last linear layer {path!r}: something "
            "follows it (softmax, scaling, another head); audit the network that gives the logits"
        )
    if given.ndim != 2 or sum(call[0] == path for call in calls) != 1:
        raise TraceError(
            f"layer {path!r} must be called once on features (B, N), got shape "
            f"{tuple(given.shape)}, called {sum(call[0] == path for call in calls)} times"
        )
    last = net.get_submodule(path)
    weight = last._parameters.get("weight")
    users = [
        where
        for where, module in net.named_modules()
        if any(parameter is weight for parameter in module._parameters.values())
    ]
    if weight is None or users != [path]:
        raise TraceError(
            f"the weights of layer {path!r} are computed, or shared with "
            f"{', '.join(user for user in users if user != path) or 'a parametrisation'}: a flip "
            "there would change more than the last layer"
        )
    return path


@torch.no_grad()
def _quantise(net: nn.Module) -> int:
    """Put the values of int8 codes into every weight; how many bytes the codes take."""
    total = 0
    for module in net.modules():
        weight = module._parameters.get("weight")
        if isinstance(module, _ConvNd | nn.Linear) and weight is not None:
            flat = weight.detach().reshape(len(weight), -1)
            weight.copy_(quantised_layer(flat).weights.reshape(weight.shape))
            total += weight.numel()
    return total
