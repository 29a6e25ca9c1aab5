"""The layers and weights that proxies sum over, and the loss that they differentiate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from nnmass.errors import ProbeError


def weight_layers(model: nn.Module) -> dict[nn.Module, nn.Parameter]:
    """Convolutions and linear layers with their weights, as in the released codes.

    Raises:
        ProbeError: There is none, or the weight of one is computed from others.
    """
    layers: dict[nn.Module, nn.Parameter] = {}
    for path, module in model.named_modules():
        if not isinstance(module, _ConvNd | nn.Linear):
            continue
        weight = module._parameters.get("weight")
        if weight is None:
            raise ProbeError(
                f"the weight of {path or 'the network'} ({type(module).__name__}) is no parameter "
                "of its own but computed from others, as with weight norm: remove that first, "
                "such as with torch.nn.utils.parametrize.remove_parametrizations"
            )
        layers[module] = weight
    if not layers:
        raise ProbeError(
            f"{type(model).__name__} has no convolution and no linear layer (torch.nn.Conv*d, "
            "torch.nn.Linear), whose weights this proxy is made of"
        )
    return layers


def layer_weights(model: nn.Module) -> list[nn.Parameter]:
    """Weights (no biases) of the convolutions and linear layers; one that is tied counts once."""
    return list(dict.fromkeys(weight_layers(model).values()))


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """Output (N, K) for ``images`` (N, ...): of several outputs the first with two axes.

    Raises:
        ProbeError: There is none.
    """
    output = model(images)
    for tensor in _outputs(output):
        if tensor.ndim == 2 and len(tensor) == len(images):
            return tensor
    shapes = [tuple(tensor.shape) for tensor in _outputs(output)]
    raise ProbeError(
        f"the network must give numbers of shape ({len(images)}, classes), got {type(output)!r} "
        f"with shapes {shapes}: put a classification head on it"
    )


def loss_of(model: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
    """Mean cross-entropy in nats.

    Raises:
        ProbeError: A label is no position among the outputs, or nothing depends on the weights.
    """
    if labels is None:
        raise ProbeError("this proxy needs labels: give one for each image")
    logits = logits_of(model, images)
    if int(labels.max()) >= logits.shape[1]:
        raise ProbeError(
            f"labels must be below {logits.shape[1]}, the number of outputs, got "
            f"{int(labels.max())}: does the network belong to this data set?"
        )
    return F.cross_entropy(logits, labels)


def gradients_of(
    loss: Tensor, weights: list[nn.Parameter], *, create_graph: bool = False
) -> list[Tensor]:
    """Gradients by ``weights``, zero for a weight that takes no part.

    With ``create_graph`` they can be differentiated once more.

    Raises:
        ProbeError: None takes part.
    """
    check_differentiable(loss)
    found = torch.autograd.grad(loss, weights, create_graph=create_graph, allow_unused=True)
    if all(gradient is None for gradient in found):
        raise ProbeError("the loss depends on no weight of a convolution or linear layer")
    pairs = zip(weights, found, strict=True)
    return [torch.zeros_like(w) if gradient is None else gradient for w, gradient in pairs]


def check_differentiable(value: Tensor) -> None:
    """Raise a ProbeError unless ``value`` has a gradient."""
    if not value.requires_grad:
        raise ProbeError(
            "the output has no gradient: the network computes it under torch.no_grad(), detaches "
            "it, or uses no weights"
        )


def _outputs(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Mapping):
        output = list(output.values())
    return [x for x in output if isinstance(x, Tensor)] if isinstance(output, list | tuple) else []
