"""Where the mass of a candidate may not compare with the reference's."""

from __future__ import annotations

from nnmass.design._parts import depths_of
from nnmass.design._roles import PARTS, WIDTHS
from nnmass.design._space import Space
from nnmass.design._space_like import depth_ranges, widths_of
from nnmass.errors import SpecError
from nnmass.specs import Spec


def check_widths(space: Space, reference: Spec | None, *, across_widths: bool) -> None:
    """Refuse masses of several widths unless that is asked for.

    Raises:
        SpecError: The space has widths other than the reference's, or several ones.
    """
    if across_widths:
        return
    keys = WIDTHS[space.family]
    own = None if reference is None else widths_of(reference)
    others = [widths for widths in space.widths if widths != own]
    if not others or (own is None and len(space.widths) == 1):
        return
    shown = ", ".join(f"{key}={value}" for key, value in zip(keys, others[0], strict=True))
    against = f"the reference has {_shown(keys, own)}" if own else "the space has others besides"
    raise SpecError(
        f"the space has networks of {shown}, and {against}: masses compare at one width, since "
        "accuracy rises with width at equal mass. Ask for it with across_widths=True "
        "(--across-widths), and look at params and MACs too"
    )


def _shown(keys: tuple[str, ...], values: tuple[object, ...]) -> str:
    return ", ".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))


def outside_of(spec: Spec, reference: Spec | None) -> tuple[str, ...]:
    """Why the mass of ``spec`` may not compare with that of ``reference``; see `Candidate`.

    Example:
        >>> from nnmass.specs import parse
        >>> reference = parse("dense-cnn(wm=2,d=20,t=40/80)")
        >>> outside_of(parse("dense-cnn(wm=1,d=9/12,t=40/80)"), reference)
        ('wm=1, the reference has wm=2', 'cell 0 has depth 9, outside 10 to 20')
    """
    if reference is None:
        return ()
    reasons = list[str]()
    for key, own, other in zip(
        WIDTHS[spec.family], widths_of(spec), widths_of(reference), strict=True
    ):
        if own != other:
            reasons.append(f"{key}={own}, the reference has {key}={other}")
    part, ranges = PARTS[spec.family], depth_ranges(reference)
    depths = depths_of(spec)
    if len(depths) != len(ranges):
        reasons.append(f"{len(depths)} {part}s, the reference has {len(ranges)}")
        return tuple(reasons)
    for index, (depth, (low, high)) in enumerate(zip(depths, ranges, strict=True)):
        if not low <= depth <= high:
            reasons.append(f"{part} {index} has depth {depth}, outside {low} to {high}")
    return tuple(reasons)
