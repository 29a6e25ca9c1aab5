"""From what a user names to the reference's spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError
from nnmass.specs import Spec, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The reference's spec, and what to say about how it was found.

    Attributes:
        spec: The spec.
        notes: Sentences; empty for a spec or a spec string.
    """

    spec: Spec
    notes: tuple[str, ...] = ()


def reference_of(
    like: object, *, family: str | None, input_shape: Sequence[int] | None
) -> Reference:
    """The reference: a spec, a spec string, or the name of any network.

    Args:
        like: ``timm:densenet121``, ``torchvision:mobilenet_v2``, ``package.module:factory``, a
            spec string or a spec.
        family: What a network that is no spec of ours may be taken for.
        input_shape: Of one input without the batch, for networks that do not tell.

    Raises:
        SpecError: It is none of these, or of no family.
    """
    if isinstance(like, Spec):
        return _of_family(Reference(spec=like), family)
    if not isinstance(like, str):
        raise SpecError(
            "like must be a spec, a spec string or the name of a network such as "
            f"'timm:densenet121', got {like!r}"
        )
    if ":" in like.split("(", maxsplit=1)[0]:
        return _recognised(like, family, input_shape)
    return _of_family(Reference(spec=parse(like)), family)


def _of_family(reference: Reference, family: str | None) -> Reference:
    own = reference.spec.family
    if family is not None and family != own:
        raise SpecError(
            f"family must be the reference's, {own!r}, got {family!r}: masses are compared within "
            "one family"
        )
    return reference


def _recognised(name: str, family: str | None, shape: Sequence[int] | None) -> Reference:
    from nnmass.nets import open_network
    from nnmass.recognition import recognise

    opened = open_network(name)
    if opened.spec is not None:
        return _of_family(Reference(spec=opened.spec), family)
    if shape is None and opened.input_shape is None:
        raise SpecError(
            f"{name} does not tell the shape of its inputs: give input_shape (--input), the sizes "
            "of one input without the batch, such as 3x224x224"
        )
    found = recognise(opened.model, shape or opened.input_shape or (), name=opened.name)
    if found.spec is not None:
        return _of_family(Reference(spec=found.spec, notes=(str(found),)), family)
    if found.closest is not None and found.family == family:
        note = f"{found}. The search goes on with {found.closest}"
        return Reference(spec=found.closest, notes=(note,))
    raise SpecError(f"{found}. To design from it, {found.advice}")
