"""What was made sparse, layer by layer, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import nn

from nnmass._from_plain import from_plain
from nnmass.errors import SpecError
from nnmass.slim._sparse._pattern import Assign, Pattern

RECORD = "_nnmass_sparsification"
"""The attribute of a sparse network that holds its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """One convolution or linear layer.

    Attributes:
        path: Of the module; where it is used under several paths, the first.
        kind: ``"convolution"`` or ``"linear"``.
        taps: Live taps of a kernel, on average over the layer's kernels.
        params_before: Parameters of the dense layer, biases too.
        params_after: Parameters that are left.
        reason: Why it stays dense; empty where it is sparse.
        pattern: Which taps are live; ``None`` where all are.
    """

    path: str
    kind: Literal["convolution", "linear"]
    taps: float
    params_before: int
    params_after: int
    reason: str = ""
    pattern: Pattern | None = None

    @property
    def is_sparse(self) -> bool:
        """It was replaced."""
        return not self.reason

    def to_dict(self) -> dict[str, object]:
        """The record as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LayerRecord:
        """The layer that `to_dict` told of."""
        told = values.get("pattern")
        return from_plain(cls, values, pattern=None if told is None else Pattern(**told))


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseSettings:
    """What `sparsify` was asked for.

    Attributes:
        kss: Live taps of each kernel.
        assign: Which kernels share a support.
        dense_period: One kernel of so many is dense; ``None`` for none.
        seed: Of fresh weights and random supports.
        weights: ``kept`` or ``fresh``.
        keep_dense: Paths of layers that stay dense, with ``*``, ``?`` and ``[...]``.

    Example:
        >>> str(
        ...     SparseSettings(
        ...         kss=4, assign="in", dense_period=None, seed=0, weights="kept", keep_dense=()
        ...     )
        ... )
        'sparse(kss=4,assign=in,seed=0)'
    """

    kss: int
    assign: Assign
    dense_period: int | None
    seed: int
    weights: Literal["kept", "fresh"]
    keep_dense: tuple[str, ...]

    def __str__(self) -> str:
        """Taps and assignment in a few words, such as ``sparse(kss=4,assign=in,seed=0)``."""
        more = f",dense_period={self.dense_period}" if self.dense_period else ""
        return f"sparse(kss={self.kss},assign={self.assign}{more},seed={self.seed})"

    def to_dict(self) -> dict[str, object]:
        """The settings as plain data."""
        return {**asdict(self), "keep_dense": list(self.keep_dense)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparsification:
    """What `sparsify` did to a network.

    Attributes:
        settings: What was asked for.
        layers: Every convolution and linear layer, in the order of the modules.
        params_before: Parameters of the whole network before.
        params_after: Parameters that are left.
    """

    settings: SparseSettings
    layers: tuple[LayerRecord, ...]
    params_before: int
    params_after: int

    @property
    def n_sparse(self) -> int:
        """Layers that were replaced."""
        return sum(layer.is_sparse for layer in self.layers)

    def to_dict(self) -> dict[str, object]:
        """The record as plain data."""
        return {
            "settings": self.settings.to_dict(),
            "params_before": self.params_before,
            "params_after": self.params_after,
            "layers": [layer.to_dict() for layer in self.layers],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sparsification:
        """The record that `to_dict` told of."""
        layers = tuple(map(LayerRecord.from_dict, values["layers"]))
        settings = from_plain(SparseSettings, values["settings"])
        return from_plain(cls, values, settings=settings, layers=layers)


def sparse_report(model: nn.Module) -> Sparsification:
    """What `sparsify` did to ``model``.

    Raises:
        SpecError: It did nothing to it.

    Source:
        Ours.

    Example:
        >>> from nnmass.nets import build
        >>> from nnmass.slim import sparsify
        >>> net = build("resnet(depth=18,classes=10,stem=cifar)", device="meta")
        >>> record = sparse_report(sparsify(net, kss=2))
        >>> record.params_before, record.params_after, record.n_sparse
        (11173962, 2629706, 16)
    """
    record = getattr(model, RECORD, None)
    if not isinstance(record, Sparsification):
        raise SpecError(
            f"this {type(model).__name__} is no network that nnmass.slim.sparsify gave: it has no "
            "record of what was made sparse"
        )
    return record
