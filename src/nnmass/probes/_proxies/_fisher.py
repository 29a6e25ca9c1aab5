"""Fisher information of activations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnmass.probes._proxies._layers import check_differentiable, loss_of, weight_layers


def fisher(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """Sum over channels of what the loss would lose without them; higher is better.

        fisher = sum_l n_l sum_c mean_n 1/2 ( sum_p a_lncp * dL/da_lncp )^2

    a_l (N, C, places) is the output of convolution or linear layer l, before batch norm and
    activation, L the mean cross-entropy (nats) of one batch, n_l the number of weights of one
    channel of the layer (inputs x kernel). Unit nats squared. A layer that is used twice counts
    twice. Batch norms use the batch; random through the first weights.

    Source:
        Turner, Crowley, O'Boyle, Storkey, Gray, ICLR 2020 (arXiv:1906.04113), after Theis et al.
        (arXiv:1801.05787): without n_l. As a score of networks: Abdelfattah et al., ICLR 2021, who
        square each activation's product, says the paper, and give every weight the value of its
        channel, says the code: hence n_l, which is in the numbers of NAS-Bench-Suite-Zero too.
        Differs from that code only in that dropout is off.
    """
    layers = weight_layers(model)
    kept: list[tuple[Tensor, int]] = []

    def keep(module: nn.Module, given: object, output: Tensor) -> Tensor:
        kept.append((output, layers[module][0].numel()))
        return output.clone()  # so that what works in place behind the layer leaves ours alone

    for layer in layers:
        layer.register_forward_hook(keep)
    loss = loss_of(model, images, labels)
    check_differentiable(loss)
    gradients = torch.autograd.grad(loss, [output for output, _ in kept], allow_unused=True)
    return sum(
        n_weights * _channel_sum(output.detach() * gradient, has_channels=output.ndim > 2)
        for (output, n_weights), gradient in zip(kept, gradients, strict=True)
        if gradient is not None
    )


def _channel_sum(products: Tensor, *, has_channels: bool) -> float:
    """Sum over channels of the mean over images of half the square of the sum over places."""
    products = products.double()
    if has_channels:
        products = products.flatten(2).sum(2)
    return float(0.5 * products.square().mean(0).sum())
