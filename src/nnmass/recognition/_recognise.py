"""From any module to the spec that describes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from nnmass.errors import SpecError
from nnmass.nets import Net
from nnmass.recognition._compare import Comparison, compare
from nnmass.recognition._families import CANDIDATES
from nnmass.recognition._recognition import Recognition
from nnmass.recognition._seen import Seen, UnlikeError
from nnmass.specs import Spec, family_class
from nnmass.tracing import trace_layers


def recognise(
    model: nn.Module, input_shape: Sequence[int], *, family: str | None = None, name: str = ""
) -> Recognition:
    """The spec that a network is, if it is one.

    The network is traced; each family proposes the spec that would explain its layers; a spec is
    given only if its closed forms of mass, multiply-adds, cells and parameters equal the traced
    numbers and the network that it builds has the same weight layers. Parameters that a
    family has not (biases before a norm, weights that are never used) are named instead. What is
    not looked at: the values of weights, the kind of pooling, the order of norm and activation.

    Args:
        model: Any module, on any device; it is left as it was.
        input_shape: Shape of one input without the batch, such as ``(3, 224, 224)``.
        family: Look among the specs of this family alone; all families unless told.
        name: What the network is called in results and messages; its class unless told.

    Returns:
        The spec, or the closest one and what differs.

    Raises:
        SpecError: There is no such family.
        TraceError: The model is no module, or cannot be run on such an input.

    Source:
        Ours.

    Example:
        >>> from nnmass.nets import open_network
        >>> model = open_network("resnet(depth=18,image=64)").model
        >>> str(recognise(model, (3, 64, 64), name="mine"))
        'mine is resnet(depth=18,image=64)'
        >>> str(recognise(model, (3, 32, 32)).spec)
        'resnet(depth=18,image=32)'
    """
    families = _checked(family, name)
    reading = trace_layers(model, input_shape, name=name)
    seen = Seen(reading)
    reasons = list[str]()
    found = list[Comparison]()
    for spec in _proposals(model, seen, families, reasons):
        found.append(compare(seen, spec))
        if not found[-1].refusals:
            break
    return _result(seen, min(found, key=_rank, default=None), reasons)


def _checked(family: object, name: object) -> tuple[str, ...]:
    if not isinstance(name, str):
        raise SpecError(f"the name of a network must be a str, got {name!r:.80}")
    if family is None:
        return tuple(CANDIDATES)
    if not isinstance(family, str):
        raise SpecError(
            f"family must be the name of one, such as 'resnet', or None, got {family!r:.80}; "
            "`nnmass nets ls` lists them"
        )
    return (family_class(family).family,)


def _proposals(
    model: nn.Module, seen: Seen, families: Sequence[str], reasons: list[str]
) -> Iterator[Spec]:
    """Specs to compare with, the likeliest first; why there is none goes to ``reasons``."""
    if not seen.main:
        reasons.append("no weight layer of it could be followed from input to output")
        return
    try:
        shape = seen.input_shape
    except UnlikeError as error:
        reasons.append(str(error))
        return
    told = model.spec if isinstance(model, Net) else None
    if told is not None and told.family in families and told.input_shape == shape:
        yield told
    for family in families:
        try:
            yield from CANDIDATES[family](seen)
        except UnlikeError as error:
            reasons.append(f"{family}: {error}")
        except SpecError as error:  # the family does not go as far as these layers ask
            reasons.append(str(error))


def _rank(comparison: Comparison) -> tuple[bool, float]:
    return (bool(comparison.refusals), comparison.distance)


def _result(seen: Seen, best: Comparison | None, reasons: Sequence[str]) -> Recognition:
    topology = seen.reading.topology
    is_same = best is not None and not best.refusals
    return Recognition(
        name=topology.name,
        spec=best.spec if best is not None and is_same else None,
        closest=None if best is None else best.spec,
        family=None if best is None else best.spec.family,
        differences=tuple(reasons) if best is None else (*best.refusals, *best.remarks),
        mass=topology.mass if topology.is_read else None,
        params=topology.params,
        macs=topology.macs,
    )
