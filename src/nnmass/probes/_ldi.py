"""Layerwise dynamical isometry of any network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import get_args

import torch

from nnmass._device import describe
from nnmass.errors import ProbeError
from nnmass.probes._batch import Images, checked_images
from nnmass.probes._borrowed import BatchNorm, borrowed, reject_compiled
from nnmass.probes._draws import Network, check_same_layers, draws, name_of, seeds_for
from nnmass.probes._layers import Choice, LayerMeasurer, measured_layers
from nnmass.probes._ldi_result import LDI, LDIDraw
from nnmass.probes._legacy_ldi import legacy_layers, legacy_network
from nnmass.probes._machine import device_for
from nnmass.probes._singular_values import SingularValues
from nnmass.runs import environment


def ldi(
    network: Network,
    images: Images,
    *,
    seeds: int | Sequence[int] | None = None,
    legacy: bool = False,
    batch_norm: BatchNorm = "batch",
    device: str | torch.device | None = None,
    tolerance: float = 0.01,
    method: Choice = "auto",
    on_layer: Callable[[int | None, str], None] | None = None,
) -> LDI:
    """How near the layers of a network are to isometry: singular values of their Jacobians.

    For every linear and convolution layer, as it runs,

        J = W diag(act'(z)),

    where z is all that the layer reads, skips included, before the activation directly in front
    of it (any elementwise function; where there is none, or a norm, a sum or a pooling lies in
    between, ``J = W``). Singular values are those of the whole layer on one image: a convolution
    is a matrix of all its outputs by all its inputs.

    Small Jacobians are decomposed exactly (in float64, through their Gram matrices); those of
    large convolutions are estimated by products alone, each with an error bar
    (`LayerSpectrum.mean_error`): Golub-Kahan-Lanczos quadrature from random starts, between two
    rules of which one is never too small and the other never too large.

    Args:
        network: A module as it is; or a spec, the name of a network (`nnmass.open_network`) or a
            function that makes one, drawn from each seed.
        images: (N, ...), floating-point, as the network takes them.
        seeds: How many initialisations, or which; 5 unless told. Not for a module.
        legacy: The released measurement with its defects, for dense MLPs: the derivative of ELU
            turned around, the last layer with an activation that it has not.
        batch_norm: Statistics that batch norms use: of the batch, as when a training starts, or
            the running ones.
        device: Where to compute; where the images are unless told.
        tolerance: Estimates end when half the 95 % interval of a layer's mean is below this part
            of it; in (0, 1).
        method: ``exact`` or ``estimated`` for all layers; ``auto`` takes what is affordable.
        on_layer: Told seed and path of each layer before it is measured.

    Returns:
        Means over images, layers and initialisations, with an interval; and every layer.

    Raises:
        ProbeError: Images, network or arguments are no such thing, or no layer can be measured.
        DeviceError: This machine has no such device.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (layerwise dynamical isometry; after Lee et al., ICLR
        2020). The Jacobians are those of the paper; the released code differs (see ``legacy``).
        Convolutions, any activation and the estimate are ours.

    Example:
        >>> import nnmass
        >>> images = torch.rand(20, 64, generator=torch.Generator().manual_seed(0))
        >>> flow = nnmass.ldi("dense-mlp(w=8,d=16,t=8,in=64)", images, seeds=3)
        >>> 0.4 < flow.mean < 0.6, len(flow.layers), flow.layers[5].activation
        (True, 16, 'elu')
    """
    started = time.perf_counter()
    _check_arguments(tolerance, method)
    images = checked_images(images)
    where = device_for(device, otherwise=images.device)
    images = images.to(where)
    chosen = seeds_for(network, seeds)
    network = legacy_network(network) if legacy else network
    found = list[LDIDraw]()
    for seed, model in draws(network, chosen):
        reject_compiled(model, name_of(network))
        with borrowed(model, where, batch_norm=batch_norm), SingularValues() as exact:
            if legacy:
                layers = legacy_layers(model, images)
            else:
                measurer = LayerMeasurer(
                    exact,
                    len(images),
                    method=method,
                    tolerance=tolerance,
                    seed=seed or 0,
                    on_layer=partial(on_layer or _say_nothing, seed),
                )
                layers = measured_layers(model, images, measurer, name=name_of(network))
        found.append(LDIDraw(seed=seed, layers=layers))
        check_same_layers(found, name_of(network))
    return LDI(
        network=name_of(network),
        draws=tuple(found),
        n_images=len(images),
        batch_norm=batch_norm,
        is_legacy=legacy,
        elapsed_s=time.perf_counter() - started,
        environment=environment(describe(where)),
    )


def _say_nothing(_seed: int | None, _path: str) -> None:
    """Nobody asked."""


def _check_arguments(tolerance: float, method: str) -> None:
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float):
        raise ProbeError(f"tolerance must be a number in (0, 1), got {tolerance!r}")
    if not 0 < tolerance < 1 or math.isnan(tolerance):
        raise ProbeError(
            f"tolerance must be in (0, 1), got {tolerance!r}: 0.01 is an error of one percent"
        )
    if method not in get_args(Choice):
        raise ProbeError(f"method must be 'auto', 'exact' or 'estimated', got {method!r}")
