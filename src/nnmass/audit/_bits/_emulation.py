"""The released code's way of counting, to set its tables beside honest ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from nnmass.audit._bits._bounds import inserted_layer
from nnmass.audit._bits._case import Case
from nnmass.audit._bits._flips import count_flips
from nnmass.audit._bits._ranking import rank_gradient, top_features


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedRow:
    """An insertion whose scale is recomputed from the largest weight, as the released code does.

    Attributes:
        n_weights: That were free to move.
        n_bytes: Of those, with another code; n_w as published.
        n_flips: Bits of those that differ, codes before on the deployed grid and after on the new
            one; n_b as published.
        layer_flips: Bits of the whole layer that the new scale really changes: what memory would
            have to change.
        scale_ratio: The new scale over the deployed one.
        accuracy: On clean evaluation images; in [0, 1].
        asr: Stamped images classified as the target, of all classes.
        asr_non: The same of the images of other classes.
    """

    n_weights: int
    n_bytes: int
    n_flips: int
    layer_flips: int
    scale_ratio: float
    accuracy: float
    asr: float
    asr_non: float

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return asdict(self)


def emulated(case: Case, n_weights: int) -> EmulatedRow:
    """What the released code would report, and what it leaves out.

    Source:
        Released code of A. S. Rakin, Z. He, D. Fan, CVPR 2020, as our specification describes it;
        ``layer_flips`` and ``scale_ratio``: ours.
    """
    layer = inserted_layer(case, n_weights, is_floating=True)
    part = case.evaluation
    gradient = rank_gradient(case.layer, case.audit.clean, case.audit.labels)[case.target]
    moved = top_features(gradient, n_weights)
    before, after = (one.codes[case.target, moved][None] for one in (case.layer, layer))
    counted = count_flips(before, after)
    right = layer.logits(part.clean).argmax(1) == part.labels
    won = layer.logits(part.stamped).argmax(1) == case.target
    return EmulatedRow(
        n_weights=n_weights,
        n_bytes=counted.n_bytes,
        n_flips=counted.n_flips,
        layer_flips=count_flips(case.layer.codes, layer.codes).n_flips,
        scale_ratio=float(layer.scale[case.target] / case.layer.scale[case.target]),
        accuracy=float(right.double().mean()),
        asr=float(won.double().mean()),
        asr_non=float(won[part.labels != case.target].double().mean()),
    )
