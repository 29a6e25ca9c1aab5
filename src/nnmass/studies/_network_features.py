"""What a traced network is, as numbers that tell networks of all families apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.tracing import Topology, WeightLayer

SMOOTH = ("silu", "gelu", "hardswish", "mish", "elu", "celu", "selu")
BOUNDED = ("relu6", "hardtanh")
GATES = ("sigmoid", "hardsigmoid")
SOFTMAXES = ("_softmax", "_safe_softmax", "softmax")


def network_features(topology: Topology) -> dict[str, float]:
    """Numbers of a traced network, all finite, for any network that `nnmass.trace` reads.

    Sizes stand as natural logarithms (of 1 + x, where x can be 0), shares lie in [0, 1]. Where a
    mass could not be read, that of the cells that could is taken.

    Args:
        topology: From `nnmass.trace`.

    Returns:
        A number for each feature, in a fixed order. ``ln_*`` are of params, MACs, masses (all
        skips, identity skips), mass a layer, depth, cells, widths, resolution, activations (all
        outputs of weight layers) and the largest feature map; ``*_share`` are shares of the
        multiply-adds (depthwise, grouped, 1x1, wide kernels, linear, attention), of the params
        (classifier), of the layers (norms, gates) and of the activations (smooth, bounded).

    Raises:
        SpecError: The topology holds no layers, such as one that was not made by `trace`.

    Source:
        Masses: `nnmass.trace`. The choice of the others is ours.

    Example:
        >>> from nnmass import build, parse, trace
        >>> spec = parse("resnet(depth=18)")
        >>> features = network_features(trace(build(spec), spec.input_shape))
        >>> round(math.exp(features["ln_params"])) == spec.params
        True
    """
    layers = [layer for layer in topology.layers if not layer.is_side]
    if not layers:
        raise SpecError(
            f"the topology of {topology.name} holds no weight layers: trace the network with "
            "nnmass.trace"
        )
    made = {
        **_sizes(topology),
        **_masses(topology),
        **_widths(layers),
        **_shares(topology, layers),
        **_calls(topology, layers),
    }
    return {name: float(value) if math.isfinite(value) else 0.0 for name, value in made.items()}


def _sizes(topology: Topology) -> dict[str, float]:
    maps = [layer.shape.outputs * layer.places for layer in topology.layers]
    shape = topology.input_shape
    first = shape[0] if shape and isinstance(shape[0], tuple) else shape
    sides = [float(n) for n in first[1:] if not isinstance(n, tuple)] or [1.0]
    in_maps = sum(layer.weights for layer in topology.layers if layer.places > 1)
    return {
        "ln_params": math.log(max(1, topology.params)),
        "ln_conv_params": math.log1p(in_maps),
        "ln_macs": math.log(max(1, topology.macs)),
        "ln_activations": math.log1p(sum(maps)),
        "ln_largest_map": math.log1p(max(maps)),
        "ln_resolution": sum(map(math.log, sides)) / len(sides),
    }


def _masses(topology: Topology) -> dict[str, float]:
    from nnmass.topology import MassRule

    mass = topology.read_mass_by()
    identity = topology.read_mass_by(MassRule(count_projections=False))
    concatenated = sum(cell.kind == "concatenation" for cell in topology.cells)
    depth, n_cells = max(1, topology.depth), len(topology.cells)
    return {
        "ln_mass": math.log1p(mass),
        "ln_identity_mass": math.log1p(identity),
        "ln_mass_per_layer": math.log1p(mass / depth),
        "ln_mass_per_cell": math.log1p(mass / max(1, n_cells)),
        "density": topology.density,
        "has_skips": float(mass > 0),
        "concatenation_share": concatenated / max(1, n_cells),
        "ln_depth": math.log(depth),
        "ln_cells": math.log1p(n_cells),
        "ln_edges_per_node": math.log1p(topology.n_edges / max(1, topology.n_nodes)),
    }


def _widths(layers: Sequence[WeightLayer]) -> dict[str, float]:
    logs = [math.log(max(1, layer.shape.outputs)) for layer in layers[:-1]] or [0.0]
    steps = [max(layer.shape.stride, default=1) for layer in layers]
    last = layers[-1].shape.inputs
    final = next((layer.places for layer in reversed(layers) if layer.places > 1), 1)
    return {
        "ln_mean_width": sum(logs) / len(logs),
        "ln_max_width": max(logs),
        "ln_last_width": math.log(max(1, last)),
        "ln_first_stride": math.log(max(1, steps[0])),
        "ln_final_side": math.log(max(1, final)) / 2,
    }


def _shares(topology: Topology, layers: Sequence[WeightLayer]) -> dict[str, float]:
    macs = max(1, topology.macs)

    def of_macs(told: Callable[[WeightLayer], bool]) -> float:
        found = (layer for layer in layers if told(layer))
        return min(1.0, sum(layer.weights * layer.places for layer in found) / macs)

    def side(layer: WeightLayer) -> int:
        return max(layer.shape.kernel, default=0)

    flat = sum(layer.weights for layer in layers if layer.places == 1)
    return {
        "depthwise_share": of_macs(lambda layer: layer.is_depthwise),
        "depthwise_layers": _mean(layer.is_depthwise for layer in layers),
        "grouped_share": of_macs(lambda one: one.shape.groups > 1 and not one.is_depthwise),
        "pointwise_share": of_macs(lambda layer: side(layer) == 1),
        "wide_kernel_share": _mean(side(layer) > 3 for layer in layers),
        "matmul_share": min(1.0, topology.count.by_kind.get("matmul", 0) / macs),
        "flat_params_share": min(1.0, flat / max(1, topology.params)),
    }


def _calls(topology: Topology, layers: Sequence[WeightLayer]) -> dict[str, float]:
    calls = dict(topology.calls)

    def count(names: Iterable[str]) -> int:
        return sum(calls.get(name, 0) for name in names)

    norms = sum(times for name, times in calls.items() if "norm" in name)
    batch = sum(times for name, times in calls.items() if "batch_norm" in name)
    plain = [*SMOOTH, *BOUNDED, "relu", "leaky_relu", "_prelu_kernel", "prelu", "tanh"]
    activations = max(1, count(plain))
    n_side = sum(layer.is_side for layer in topology.layers)
    return {
        "norms_per_layer": min(1.5, norms / len(layers)),
        "other_norm_share": (norms - batch) / max(1, norms),
        "smooth_share": count(SMOOTH) / activations,
        "bounded_share": count(BOUNDED) / activations,
        "activations_per_layer": min(2.0, count(plain) / len(layers)),
        "gate_share": min(1.0, n_side / len(layers)),
        "has_attention": float(count(SOFTMAXES) > 0),
    }


def _mean(claims: Iterable[bool]) -> float:
    told = list(claims)
    return sum(told) / max(1, len(told))
