"""The layers with weights that a forward pass goes through, in its order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

_LEAST_DIMS = 2  # of a weight; biases and the scales of norms have one


@dataclass(slots=True)
class LayerCall:
    """One use of a layer in a forward pass.

    Attributes:
        path: Of the module; ``#2``, ``#3`` ... for its second use, third use ...
        module: The layer.
        n_units: Numbers of its output for one image, of ``n_images``.
        variance: Of the output's numbers, all together.
        mean_square: Of the same.
        gradient_norm: Of what came back to the output, filled in by a backward pass; 0 where
            nothing comes back.
        weights: The weights that work in it.
        weight_norm: Frobenius norm of these, as they were in the call.
    """

    path: str
    module: nn.Module
    n_units: float
    variance: float
    mean_square: float
    gradient_norm: float = 0.0
    weights: list[Tensor] = field(default_factory=list)
    weight_norm: float = 0.0

    def keep_gradient(self, gradient: Tensor) -> None:
        """A tensor hook on the output."""
        self.gradient_norm = norm_of([gradient])


class LayerRecorder:
    """Follows the calls of a model's weight layers.

    A layer is a module that has a parameter of two dimensions or more, that is called, and that
    calls no such module itself: a transformer with its position embeddings is no layer, its
    linear maps are. Weights of modules that are not called themselves (the last linear map of
    `torch.nn.MultiheadAttention`, a parametrised weight) count with the layer around them.

    Args:
        model: With the tensors that count.
        n_images: In the batch.
    """

    def __init__(self, model: nn.Module, n_images: int) -> None:
        self._paths = {module: path for path, module in model.named_modules()}
        self._holders = dict(_holders(model))
        self._n_images = n_images
        self._open: list[bool] = []  # for each call under way: whether a layer was called in it
        self._n_calls: dict[nn.Module, int] = {}
        self.calls: list[LayerCall] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A block in which a forward pass is recorded; gradients come in later as well."""
        with ExitStack() as hooks:
            for module in self._holders:
                for handle in (
                    module.register_forward_pre_hook(self._enter),
                    module.register_forward_hook(self._leave),
                ):
                    hooks.callback(handle.remove)
            yield
        self._share_weights()

    def unmeasured(self) -> tuple[str, ...]:
        """Paths of the weights that work in no layer, or not at all."""
        known = {id(weight) for call in self.calls for weight in call.weights}
        return tuple(
            f"{self._paths[module]}.{name}".lstrip(".")
            for module, weights in self._holders.items()
            for name, weight in weights.items()
            if id(weight) not in known
        )

    def _enter(self, _module: nn.Module, _inputs: object) -> None:
        self._open.append(False)

    def _leave(self, module: nn.Module, _inputs: object, output: object) -> None:
        holds_layers = self._open.pop()
        self._open[:] = [True] * len(self._open)
        out = first_tensor(output)
        if holds_layers or out is None:
            return
        count = self._n_calls[module] = self._n_calls.get(module, 0) + 1
        path = self._paths[module] + (f"#{count}" if count > 1 else "")
        variance, mean_square = _moments(out.detach())
        call = LayerCall(path, module, out.numel() / self._n_images, variance, mean_square)
        self.calls.append(call)
        if out.requires_grad:
            # A hook sees the gradient by the output as it left the layer, also where an
            # activation overwrites it in place afterwards.
            out.register_hook(call.keep_gradient)

    def _share_weights(self) -> None:
        for module, weights in self._holders.items():
            owner = module if module in self._n_calls else self._around(module)
            for call in self.calls:
                if call.module is owner:
                    call.weights += weights.values()
        for call in self.calls:
            call.weight_norm = norm_of(call.weights)

    def _around(self, module: nn.Module) -> nn.Module | None:
        """The innermost layer that has ``module`` in it."""
        path = self._paths[module]
        around = [m for m in self._n_calls if path.startswith(self._paths[m] + ".")]
        return max(around, key=lambda m: len(self._paths[m]), default=None)


def first_tensor(output: object) -> Tensor | None:
    """The first tensor of real numbers in what a module gave; recurrent layers give tuples."""
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else None
    parts: Sequence[object] = ()
    if isinstance(output, Mapping):
        parts = list(output.values())
    elif isinstance(output, list | tuple):
        parts = output
    return next((out for part in parts if (out := first_tensor(part)) is not None), None)


def norm_of(tensors: Sequence[Tensor]) -> float:
    """Euclidean norm of all numbers together, in float64 so that no square overflows."""
    norms = [torch.linalg.vector_norm(t.detach(), dtype=torch.float64) for t in tensors]
    return math.hypot(*(float(norm) for norm in norms))


def _holders(model: nn.Module) -> Iterator[tuple[nn.Module, dict[str, Tensor]]]:
    """Modules that hold weights, with these; a parametrised one holds those of its parts."""
    hidden: set[nn.Module] = set()
    for module in model.modules():
        if module in hidden:
            continue
        weights = _own(module)
        for path, part in module.named_modules():
            if isinstance(part, ParametrizationList) and path.count(".") == 1:
                hidden.update(part.modules())
                weights |= {
                    f"{path}.{name}": weight
                    for name, weight in part.named_parameters()
                    if weight.ndim >= _LEAST_DIMS
                }
        if weights:
            yield module, weights


def _own(module: nn.Module) -> dict[str, Tensor]:
    own = module.named_parameters(recurse=False)
    return {name: weight for name, weight in own if weight.ndim >= _LEAST_DIMS}


def _moments(x: Tensor) -> tuple[float, float]:
    """Variance and mean square of all numbers, summed in float64 without a copy in it."""
    if not x.numel():
        return math.nan, math.nan
    mean = x.mean(dtype=torch.float64)
    near = mean.to(x.dtype)
    off = float(mean - near.double())
    variance = norm_of([x - near]) ** 2 / x.numel() - off**2
    mean_square = norm_of([x]) ** 2 / x.numel()
    return (max(variance, 0.0) if math.isfinite(variance) else math.nan), mean_square
