"""The released measurement of LDI, defects included, so that published levels can be explained."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.nets import DenseMLPNet, Net, open_network
from nnmass.probes._draws import Network, name_of
from nnmass.probes._spectrum import LayerSpectrum
from nnmass.probes._summary import of_values
from nnmass.specs import DenseMLP


def legacy_network(network: Network) -> Network:
    """``network`` in the released wiring, the only one that the released measurement fits.

    Raises:
        ProbeError: It is no dense MLP with ELU or ReLU, or a module in another wiring.
    """
    spec = network.spec if isinstance(network, Net) else network
    if isinstance(spec, str):
        spec = open_network(spec).spec or spec
    if not isinstance(spec, DenseMLP) or spec.activation not in ("elu", "relu"):
        raise ProbeError(
            f"legacy=True is the released measurement, which knows dense MLPs with ELU or ReLU, "
            f"got {name_of(network)}; leave legacy out, or give 'dense-mlp(w=8,d=16,t=1)'"
        )
    if isinstance(network, nn.Module):
        if spec.wiring != "legacy":
            raise ProbeError(
                f"legacy=True needs the released wiring, got the built {spec}: give the spec "
                "instead, or build it with wiring=legacy"
            )
        return network
    return replace(spec, wiring="legacy")


def legacy_layers(model: nn.Module, images: Tensor) -> tuple[LayerSpectrum, ...]:
    """The layers of a dense MLP in the released wiring, as the released code measures them.

    ``J_0 = diag(act'(z_0)) W_0``, ``J_1 = W_1``, ``J_l = W_l diag(act'(z_l))`` for all others,
    the last too although it has no activation in front; the derivative of ELU is ``exp(x)`` where
    x > 0 and 0 elsewhere.

    Source:
        SLDGroup/NN_Mass, model_zoo.py: ``Dense_MLP.dev`` and ``.isometry``.
    """
    if not (isinstance(model, DenseMLPNet) and isinstance(model.spec, DenseMLP)):
        raise ProbeError(f"legacy=True needs a dense MLP, got a {type(model).__name__}")
    activation = model.spec.activation
    found = list[LayerSpectrum]()
    before = _before_activation(model, images)
    for index, layer in enumerate(_layers(model)):
        weight = layer.weight.detach().double()
        if index == 0:
            jacobians = _slope(before[0], activation)[:, :, None] * weight
        elif index == 1:
            jacobians = weight.expand(len(images), *weight.shape)
        else:
            jacobians = weight * _slope(before[index], activation)[:, None, :]
        used = "" if index == 1 else activation
        found.append(_spectrum(f"layers.{index}", used, jacobians))
    return tuple(found)


def _layers(model: DenseMLPNet) -> list[nn.Linear]:
    return [layer for layer in model.layers if isinstance(layer, nn.Linear)]


def _before_activation(model: DenseMLPNet, images: Tensor) -> dict[int, Tensor]:
    """What the released code differentiates the activation at, by layer."""
    act, last = model.activation, len(_layers(model)) - 1
    seen = list[Tensor]()

    def watched(z: Tensor) -> Tensor:
        seen.append(z)
        return act(z)

    model.activation = watched  # the model is lent: it gets its own back
    hook = _layers(model)[last].register_forward_pre_hook(lambda _layer, args: seen.append(args[0]))
    try:
        with torch.no_grad():
            model(images)
    finally:
        hook.remove()
        model.activation = act
    return dict(zip([0, *range(2, last + 1)], seen, strict=True))


def _slope(z: Tensor, activation: str) -> Tensor:
    z = z.double()
    rising = z.exp() if activation == "elu" else torch.ones_like(z)
    return torch.where(z > 0, rising, 0)


def _spectrum(path: str, activation: str, jacobians: Tensor) -> LayerSpectrum:
    n_images, rows, columns = jacobians.shape
    is_finite = bool(jacobians.isfinite().all())
    layer = LayerSpectrum(
        path=path,
        kind="linear",
        activation=activation,
        rows=rows,
        columns=columns,
        method="exact" if is_finite else "failed",
        reason="" if is_finite else "its Jacobian is not finite",
        n_images=n_images if is_finite else 0,
    )
    if not is_finite:
        return layer
    return replace(layer, **of_values(torch.linalg.svdvals(jacobians).reshape(1, -1))[0])
