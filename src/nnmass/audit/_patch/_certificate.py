"""A certificate as a thing of its own, and its proof from the stored votes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from nnmass.audit._patch._votes import VoteTable
from nnmass.errors import CheckpointError, UnprovenError

RULES = ("count", "location")

NOT_COVERED = (
    "a patch that is put on before the image is resized: it covers more pixels afterwards",
    "two or more patches, or one that does not fit into a rectangle of this size",
    "changes outside the patch, however small",
    "another network, threshold or ablation, and weights changed since",
    "arithmetic that moves a probability across the threshold by more than the tolerance",
    "that the prediction is right: it is only shown to stay",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchCertificate:
    """What is proven, or is not, of one image.

    Attributes:
        index: Of the image in its table.
        label: Its true class.
        prediction: Class with the most votes, the smallest index among equals.
        votes: Of the prediction.
        rival: The class that comes nearest, the smallest index among equals.
        rival_votes: Of that.
        patch: Height and width in pixels, at the network's input.
        rule: ``count`` or ``location``.
        threshold: Of the votes, or ``top-one``.
        tolerance: Probabilities so near to the threshold count against the certificate.
        reach: Most copies that a patch of this size can touch, counted over all its places.
        margin: n_t - max over k of (n_k + [k < t]).
        is_certified: No such patch can change the prediction.
        ablation: Which copies vote.
        network: Name of the network.
        digest: sha256 of the vote table that proves it.
    """

    index: int
    label: int
    prediction: int
    votes: int
    rival: int
    rival_votes: int
    patch: tuple[int, int]
    rule: str
    threshold: float | str
    tolerance: float
    reach: int
    margin: int
    is_certified: bool
    ablation: str
    network: str
    digest: str

    @property
    def threat(self) -> str:
        """What the attacker may do."""
        height, width = self.patch
        return (
            f"any change of the pixels within any one rectangle of {height}x{width}, anywhere in "
            "the image that the network is given"
        )

    @property
    def not_covered(self) -> tuple[str, ...]:
        """What the certificate says nothing about."""
        return NOT_COVERED

    def to_dict(self) -> dict[str, object]:
        """The fields, the threat and what is not covered, as JSON values."""
        told = dataclasses.asdict(self)
        return told | {
            "patch": list(self.patch),
            "threat": self.threat,
            "not_covered": list(self.not_covered),
        }


def recheck(certificate: PatchCertificate, table: VoteTable) -> None:
    """Prove ``certificate`` again from the votes: place by place, class by class.

    Shares no code with what made it but the reading of votes and of the ablation's masks.

    Args:
        certificate: What is to be proven again, certified or not.
        table: The votes that it was made from.

    Raises:
        CheckpointError: The table is not the one that the certificate is of.
        UnprovenError: A field does not follow from the votes; the message has both values.

    Source:
        Ours.
    """
    if certificate.digest != table.digest:
        raise CheckpointError(
            f"the certificate of image {certificate.index} is of another vote table (sha256 "
            f"{certificate.digest[:12]}.. against {table.digest[:12]}..): give that one"
        )
    if not 0 <= certificate.index < len(table):
        raise UnprovenError(f"the table has {len(table)} images, and no {certificate.index}")
    for name, value in _found(certificate, table).items():
        told = getattr(certificate, name)
        if told != value:
            raise UnprovenError(
                f"the certificate of image {certificate.index} says {name} = {told}, but the votes "
                f"give {value}"
            )


def _found(certificate: PatchCertificate, table: VoteTable) -> dict[str, object]:
    row = slice(certificate.index, certificate.index + 1)
    one = table.part(row)
    sure, possible = one.possible_votes(certificate.threshold, certificate.tolerance)
    votes = [[int(v) for v in copy] for copy in one.votes(certificate.threshold)[0]]
    counts = [sum(copy[k] for copy in votes) for k in range(len(votes[0]))]
    t = counts.index(max(counts))
    rivals = [k for k in range(len(counts)) if k != t]
    low = [[int(v) for v in copy] for copy in sure[0]]
    high = [[int(v) for v in copy] for copy in possible[0]]
    places = _places(table, certificate.patch)
    reach = max(len(place) for place in places)
    margin = sum(copy[t] for copy in low) - max(sum(c[k] for c in high) + (k < t) for k in rivals)
    allowed = places if certificate.rule == "location" else [None]
    holds = all(_holds(low, high, t, k, place, reach) for place in allowed for k in rivals)
    return {
        "label": int(one.labels[0]),
        "prediction": t,
        "votes": counts[t],
        "reach": reach,
        "margin": margin,
        "is_certified": holds,
        "ablation": str(table.ablation),
    }


def _places(table: VoteTable, patch: tuple[int, int]) -> list[set[int]]:
    """The copies that keep a pixel of the patch, for every place of it."""
    masks, (height, width) = table.ablation.masks, table.ablation.image
    return [
        {
            int(i)
            for i in np.flatnonzero(
                masks[:, top : top + patch[0], left : left + patch[1]].any((1, 2))
            )
        }
        for top in range(height - patch[0] + 1)
        for left in range(width - patch[1] + 1)
    ]


def _holds(
    low: list[list[int]],
    high: list[list[int]],
    t: int,
    k: int,
    place: set[int] | None,
    reach: int,
) -> bool:
    """Class k cannot pass t by copies at ``place``; without a place, by any ``reach`` of them."""
    ahead = sum(copy[t] for copy in low) - sum(copy[k] for copy in high) - (k < t)
    if place is None:
        return ahead >= 2 * reach
    inside = sum(low[i][t] - high[i][k] for i in place)
    return ahead - inside >= len(place)
