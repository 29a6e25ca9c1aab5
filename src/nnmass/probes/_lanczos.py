"""Singular values of a layer that is too large to hold: Golub-Kahan-Lanczos quadrature.

From a random start v, k steps with products by J and its transpose give two rules for the measure
that v sees: Gauss, and Gauss-Radau with a node at zero. For the square root of an eigenvalue of
J^T J, whose derivatives alternate in sign, the first is never too small and the second never too
large (Golub and Meurant, 1994). So ``v^T |J| v`` lies between them, whatever the spectrum, and its
mean over random v with independent signs is the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Rules for the singular values that p starts saw; each row of weights sums to 1.

    Attributes:
        nodes: (p, m), both rules one after the other.
        weights: (p, m), each rule with half its weight.
        low: (p,), the Gauss-Radau rule's mean singular value: never too large.
        high: (p,), that of the Gauss rule: never too small.
        n_steps: How many steps were made.
    """

    nodes: Tensor
    weights: Tensor
    low: Tensor
    high: Tensor
    n_steps: int

    @property
    def middle(self) -> Tensor:
        """(p,) mean singular values, between both rules."""
        return (self.low + self.high) / 2


def quadrature(
    start: Tensor, forward: Product, backward: Product, *, tolerance: float, max_steps: int
) -> Quadrature:
    """The rules for a batch of starts.

    Args:
        start: (p, ...), each of random signs; they are scaled to length 1.
        forward: The product with J, or its transpose, for the batch.
        backward: The transpose of ``forward``.
        tolerance: Steps end when the two rules differ by less than this part of their mean.
        max_steps: At most so many steps, at least 1.
    """
    v = start / _length(start)
    u = forward(v)
    alphas, betas = [_length(u)], list[Tensor]()
    u = u / _safe(alphas[0])
    while True:
        w = backward(u) - alphas[-1] * v
        betas.append(_length(w))
        n_steps = len(betas)
        is_last = n_steps >= max_steps
        if is_last or n_steps in _CHECKS:
            rules = _rules(alphas, betas)
            gap, middle = rules.high - rules.low, rules.middle
            if is_last or bool((gap <= tolerance * middle).all()):
                return rules
        v = w / _safe(betas[-1])
        u = forward(v) - betas[-1] * u
        alphas.append(_length(u))
        u = u / _safe(alphas[-1])


_CHECKS = frozenset((6, 8, 11, 14, 18, 22, 27, 32, 40, 50, 60, 75, 90, 110))


def _length(x: Tensor) -> Tensor:
    """Lengths of a batch, shaped to scale it."""
    lengths: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1)
    return lengths.reshape(-1, *[1] * (x.ndim - 1))


def _safe(length: Tensor) -> Tensor:
    """Lengths to divide by: what has none left is zero, and stays zero."""
    return torch.where(length > 0, length, 1)


def _rules(alphas: list[Tensor], betas: list[Tensor]) -> Quadrature:
    """Both rules from the bidiagonal matrix, by small exact decompositions."""
    a = torch.stack([x.flatten() for x in alphas], 1).double()
    b = torch.stack([x.flatten() for x in betas], 1).double()
    k = a.shape[1]
    wide = torch.zeros(len(a), k, k + 1, dtype=a.dtype, device=a.device)
    wide[:, range(k), range(k)] = a
    wide[:, range(k), range(1, k + 1)] = b
    gauss_nodes, gauss = _rule(wide[:, :, :k])
    radau_nodes, radau = _rule(torch.cat([wide, torch.zeros_like(wide[:, :1])], 1))
    return Quadrature(
        nodes=torch.cat([gauss_nodes, radau_nodes], 1),
        weights=torch.cat([gauss, radau], 1) / 2,
        low=(radau_nodes * radau).sum(1),
        high=(gauss_nodes * gauss).sum(1),
        n_steps=k,
    )


def _rule(bidiagonal: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights: singular values, and the first parts of the vectors on the right."""
    _, nodes, right = torch.linalg.svd(bidiagonal)
    return nodes, right[:, :, 0].square()
