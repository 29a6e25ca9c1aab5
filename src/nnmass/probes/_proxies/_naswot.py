"""Which activations are on: the kernel of their patterns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nnmass.errors import ProbeError

_SWITCHES = ("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "rrelu_")
_OTHERS = (
    *("gelu", "silu", "silu_", "elu", "elu_", "selu", "selu_", "celu", "mish", "softplus"),
    *("sigmoid", "tanh", "hardswish", "hardsigmoid", "hardtanh", "softmax", "sigmoid_", "tanh_"),
)


def naswot(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """How differently the rectifiers are switched by the images; higher is better.

        naswot = log | det K |,   K_ij = sum_l (units of layer l that are on for both or for none)

    K is the number of rectifier units minus the Hamming distance of the patterns c_i and c_j of
    images i and j, a unit being on where what the rectifier reads is above 0. Natural logarithm;
    the value grows with the batch, so that only equal batches compare. Labels are not read. Batch
    norms use the batch; random through the first weights.

    Rectifiers are ReLU, ReLU6, leaky ReLU, PReLU and RReLU, as modules or as functions.

    Source:
        Mellor, Turner, Storkey, Crowley, ICML 2021 (arXiv:2006.04647); `nwot` of
        NAS-Bench-Suite-Zero. Their codes see modules whose type has ReLU in its name; ours sees
        functions as well.
    """
    patterns = _Patterns(len(images))
    with torch.no_grad(), patterns:
        model(images)
    if patterns.kernel is None:
        seen = ", ".join(patterns.others) or "none that is known"
        raise ProbeError(
            "NASWOT needs rectifiers (ReLU, ReLU6, leaky ReLU, PReLU, RReLU), which are on or off; "
            f"the activations of this network are: {seen}"
        )
    sign, logarithm = torch.linalg.slogdet(patterns.kernel)
    if float(sign) == 0:
        raise ProbeError(
            "the kernel of the patterns is singular: several images switch every rectifier alike. "
            "Are they the same image?"
        )
    return float(logarithm)


class _Patterns(TorchFunctionMode):
    """Sums the kernel of every rectifier that is called within.

    Attributes:
        kernel: K (N, N); ``None`` until there was a rectifier.
        others: Other activations, with their calls.
    """

    def __init__(self, n_images: int) -> None:
        super().__init__()
        self.kernel: Tensor | None = None
        self.others: Counter[str] = Counter()
        self._n_images = n_images

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """``func`` itself; what a rectifier reads is looked at before."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _SWITCHES or _is_relu6(name, args, kwargs):
            self._add(args[0] if args else kwargs["input"])
        elif name in _OTHERS:
            self.others[name.rstrip("_")] += 1
        return func(*args, **kwargs)

    def _add(self, given: Tensor) -> None:
        if len(given) != self._n_images:
            raise ProbeError(
                f"a rectifier reads {tuple(given.shape)}, whose first axis is not that of the "
                f"{self._n_images} images: their patterns cannot be told apart"
            )
        is_on = (given > 0).flatten(1).to(torch.float32)  # counts are exact below 2^24
        both = (is_on @ is_on.T).double()
        on = is_on.double().sum(1)
        alike = is_on.shape[1] - on[:, None] - on[None, :] + 2 * both
        self.kernel = alike if self.kernel is None else self.kernel + alike


def _is_relu6(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """ReLU6 as a module is ``hardtanh`` from 0 to 6."""
    low = kwargs.get("min_val", args[1] if len(args) > 1 else -1.0)
    return name in ("hardtanh", "hardtanh_") and low == 0
