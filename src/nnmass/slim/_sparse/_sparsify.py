"""From any network to one with sparse convolutions."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

from torch import nn

from nnmass.errors import SpecError, whole_number
from nnmass.nets import Net
from nnmass.slim._sparse._candidates import Candidate, candidates_of, reasons_of
from nnmass.slim._sparse._layer import PSConv2d
from nnmass.slim._sparse._pattern import Assign, Pattern
from nnmass.slim._sparse._record import RECORD, LayerRecord, SparseSettings, Sparsification


def sparsify(
    model: nn.Module,
    kss: int = 4,
    assign: Assign = "in",
    *,
    dense_period: int | None = None,
    seed: int = 0,
    weights: Literal["kept", "fresh"] = "kept",
    keep_dense: Sequence[str] = (),
) -> nn.Module:
    """A copy of ``model`` with a sparse convolution for each 3x3, 5x5 and 7x7 one.

    The first convolution stays dense, and 1x1, depthwise, grouped and linear layers; each has a
    line in `sparse_report` that says why. Supports start at another place in every layer, so that
    a channel that a residual stream hands on does not always meet the same corner.

    Args:
        model: Any network, on any device; it is left as it was.
        kss: Live taps of each kernel, such as 4, 2 or 1 of 9.
        assign: Which kernels share a support: ``"in"`` (fast), ``"periodic"``, ``"out"``,
            ``"random"``, ``"same"``; see `PSConv2d`.
        dense_period: One kernel of so many is dense.
        seed: Of fresh weights and random supports.
        weights: ``"kept"``: the live taps of the model's weights; ``"fresh"``: new ones, with the
            live taps as fan-in, in the replaced layers alone.
        keep_dense: Paths of layers that stay dense; ``*``, ``?`` and ``[...]`` may stand in them.

    Returns:
        The new network. Its parameters are those of the copy: make the optimiser for it.

    Raises:
        SpecError: There is nothing to replace, ``kss`` has no window in one of the kernels, or
            another argument is not one of these.

    Source:
        arXiv:2001.10710; which layers stay dense as in its authors' code.

    Example:
        >>> from nnmass.nets import build
        >>> net = build("vgg(depth=16,bn=true,stem=cifar)", device="meta")
        >>> sum(p.numel() for p in sparsify(net, kss=1).parameters())
        1653834
    """
    if not isinstance(model, nn.Module):
        raise SpecError(f"sparsify takes a torch.nn.Module, got {model!r:.80}")
    if isinstance(keep_dense, str) or not isinstance(keep_dense, Sequence):
        raise SpecError(
            f"keep_dense must be a sequence of patterns, got {keep_dense!r}: put it in ()"
        )
    if weights not in ("kept", "fresh"):
        raise SpecError(f"weights must be 'kept' or 'fresh', got {weights!r}")
    settings = SparseSettings(
        kss=whole_number(kss, "kss", low=1),
        assign=assign,
        dense_period=dense_period,
        seed=whole_number(seed, "seed", low=0),
        weights=weights,
        keep_dense=tuple(keep_dense),
    )
    _check_settings(settings)
    slim = copy.deepcopy(model)
    candidates = candidates_of(slim, settings.keep_dense)
    _check_some(candidates, model)
    lines = list[LayerRecord]()
    for candidate in candidates:
        offset = sum(line.is_sparse for line in lines)
        lines.append(_slimmed(slim, candidate, settings, offset))
    record = Sparsification(
        settings=settings,
        layers=tuple(lines),
        params_before=_n_params(model),
        params_after=_n_params(slim),
    )
    setattr(slim, RECORD, record)
    if isinstance(slim, Net):
        slim.changed_by = "nnmass.slim.sparsify"
    return slim


def _check_settings(settings: SparseSettings) -> None:
    """What is wrong whatever the kernel, told without the name of a layer."""
    Pattern(
        out_channels=1,
        in_channels=1,
        kernel=settings.kss,  # always has a window of so many taps
        kss=settings.kss,
        assign=settings.assign,
        dense_period=settings.dense_period,
    )


def _check_some(candidates: Sequence[Candidate], model: nn.Module) -> None:
    if any(not candidate.reason for candidate in candidates):
        return
    reasons = ", ".join(f"{reason} ({n})" for reason, n in reasons_of(candidates).items())
    raise SpecError(
        f"nothing in this {type(model).__name__} can become sparse: "
        f"{reasons or 'it has no convolution'}. Only 3x3, 5x5 and 7x7 nn.Conv2d with one group and "
        "zero padding are replaced, the first convolution excepted"
    )


def _slimmed(
    slim: nn.Module, candidate: Candidate, settings: SparseSettings, offset: int
) -> LayerRecord:
    """Replace the layer, where it can be; its line."""
    module, before = candidate.module, _n_params(candidate.module)
    kind: Literal["linear", "convolution"] = (
        "linear" if isinstance(module, nn.Linear) else "convolution"
    )
    after, taps, pattern = before, 1.0, None
    if isinstance(module, PSConv2d):
        taps = _taps(module)
    elif not isinstance(module, nn.Linear):
        taps = float(module.weight[0, 0].numel())
    if not candidate.reason:
        assert isinstance(module, nn.Conv2d)  # no other has no reason
        sparse = _sparse_layer(module, settings, offset, candidate.paths[0])
        for path in candidate.paths:
            slim.set_submodule(path, sparse)
        after, taps, pattern = _n_params(sparse), _taps(sparse), sparse.pattern
    return LayerRecord(
        path=candidate.paths[0],
        kind=kind,
        taps=taps,
        params_before=before,
        params_after=after,
        reason=candidate.reason,
        pattern=pattern,
    )


def _sparse_layer(conv: nn.Conv2d, settings: SparseSettings, offset: int, path: str) -> PSConv2d:
    weight = conv.weight
    try:
        sparse = PSConv2d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0],
            kss=settings.kss,
            assign=settings.assign,
            dense_period=settings.dense_period,
            seed=settings.seed,
            group_offset=offset,
            stride=(conv.stride[0], conv.stride[1]),
            padding=conv.padding if isinstance(conv.padding, str) else tuple(conv.padding),  # type: ignore[arg-type]
            dilation=(conv.dilation[0], conv.dilation[1]),
            bias=conv.bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
    except SpecError as error:
        raise SpecError(f"layer {path!r}: {error}; or name it in keep_dense") from error
    if settings.weights == "fresh":
        sparse.reset_parameters(label=path)
    elif not weight.is_meta:
        sparse.from_dense(weight, conv.bias)
    for parameter in sparse.parameters():
        parameter.requires_grad_(weight.requires_grad)
    return sparse.train(conv.training)


def _taps(layer: PSConv2d) -> float:
    pattern = layer.pattern
    return pattern.live_taps / (pattern.out_channels * pattern.in_channels)


def _n_params(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
