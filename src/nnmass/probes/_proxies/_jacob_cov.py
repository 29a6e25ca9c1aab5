"""Correlation of the input gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.probes._proxies._layers import check_differentiable, logits_of

_SMALL = 1e-5  # the paper's k


def jacob_cov(model: nn.Module, images: Tensor, labels: Tensor | None) -> float:
    """How little the network's linearisations at the images are alike; higher is better.

        jacob_cov = - sum_i ( log(v_i + k) + 1 / (v_i + k) ),   k = 1e-5

    v_i are the eigenvalues of the correlation matrix (N, N) of the rows J_n = d sum(logits)/dx_n,
    the gradients by the images of one batch of N. At most about -N, where no two rows are
    correlated; it falls as N grows, so that only equal batches compare. Labels are not read. Batch
    norms use the batch; random through the first weights.

    Source:
        Mellor, Turner, Storkey, Crowley, first version of arXiv:2006.04647; `jacob_cov` of
        Abdelfattah et al., ICLR 2021, `jacov` of NAS-Bench-Suite-Zero. Their eigenvalues are those
        of a general matrix in single precision, where small ones come out negative or complex;
        ours are of a symmetric one in double precision, not below 0.
    """
    if len(images) < 2:
        raise ProbeError("the correlation between images needs at least 2 of them, got 1")
    given = images.clone().requires_grad_()
    logits = logits_of(model, given)
    check_differentiable(logits)
    (gradient,) = torch.autograd.grad(logits.sum(), [given], allow_unused=True)
    if gradient is None:
        raise ProbeError("the output does not depend on the images")
    rows = gradient.flatten(1).double()
    rows = rows - rows.mean(1, keepdim=True)
    lengths = rows.norm(dim=1, keepdim=True)
    if bool((lengths == 0).any()):
        raise ProbeError(
            f"the output has a constant gradient at {int((lengths == 0).sum())} of {len(images)} "
            "images, which correlates with nothing"
        )
    rows = rows / lengths
    eigenvalues = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0) + _SMALL
    return -float((eigenvalues.log() + 1 / eigenvalues).sum())
