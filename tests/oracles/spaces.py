"""Small spaces of every family, enumerated one network at a time: the oracle of the searches."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import nnmass
from nnmass.specs import Spec

SMALL_SPACES = (
    "dense-mlp(w=3..4,d=3..6,t=*,in=5,classes=2)",
    "dense-mlp(w=5,d=3..8,t=0..9..3,in=30)",
    "dense-cnn(wm=1,d=3..5,t=*..8/*..8,image=8)",
    "dense-cnn(wm=1,d=3..5/4..6,t=*..8/0|7|40,in=1,image=9)",
    "dense-cnn-dw(wm=1|2,d=4|6,t=*..8/0..40..20,image=8)",
    "densenet(growth=4..8..4,blocks=1..3/2..4/1..3,image=16)",
    "densenet(growth=6,bottleneck=0|2,compression=0.5|1,blocks=1..3/1|4,stem=mnist)",
    "resnet(wm=0.5..1..0.25,block=basic,blocks=1..3/1..3/1..2,stem=cifar)",
    "resnet(block=bottleneck,blocks=1..2/1..3/1..3/2,image=64)",
    "wide-resnet(widen=1..2,blocks=1..3/1..3/1..3)",
    "resnext(groups=4|8,width=4,blocks=1..2/1..3/1..2/1,image=64)",
    "mobilenet-v2(wm=0.5..1..0.25,rows=1:16:1..2:1/4..6..2:24:1..3:2/6:32:1..3:2,image=64)",
)


def every_network(text: str) -> list[Spec]:
    """All networks of a space, read from its text by other means than the room's."""
    family, rest = text[:-1].split("(", maxsplit=1)
    fields = dict(part.split("=") for part in rest.split(","))
    keys = [key for key in fields if key != "t"]
    found = {}
    for chosen in itertools.product(*(every_text(fields[key]) for key in keys)):
        texts = dict(zip(keys, chosen, strict=True))
        caps = fields.get("t")
        for t in [None] if caps is None else every_cap(family, texts, caps):
            extra = {} if t is None else {"t": t}
            pairs = ",".join(f"{key}={value}" for key, value in {**texts, **extra}.items())
            spec = nnmass.parse(f"{family}({pairs})")
            found[str(spec)] = spec
    return list(found.values())


def every_text(field: str) -> list[str]:
    """The texts that a field may become."""
    leaves = [[every_number(leaf) for leaf in entry.split(":")] for entry in field.split("/")]
    entries = [[":".join(row) for row in itertools.product(*entry)] for entry in leaves]
    return ["/".join(chosen) for chosen in itertools.product(*entries)]


def every_number(leaf: str) -> list[str]:
    numbers = []
    for part in leaf.split("|"):
        ends = part.split("..")
        if len(ends) == 1:
            numbers.append(part)
            continue
        low, high = Fraction(ends[0]), Fraction(ends[1])
        step = Fraction(ends[2]) if ends[2:] else Fraction(1)
        while low <= high:
            numbers.append(str(int(low)) if low.denominator == 1 else str(float(low)))
            low += step
    return numbers


def every_cap(family: str, texts: dict[str, str], caps: str) -> list[str]:
    """Link caps that give different networks."""
    fields = caps.split("/")
    depths = [int(d) for d in texts["d"].split("/")]
    depths = depths * len(fields) if len(depths) == 1 else depths
    each = []
    for index, (depth, field) in enumerate(zip(depths, fields, strict=True)):
        first = int(texts["w"]) if family == "dense-mlp" else 16 * int(texts["wm"])
        most = first * 2**index * (depth - 2)
        if field.startswith("*"):
            step = int(field.removeprefix("*..") or 1) if field != "*" else 1
            each.append([str(t) for t in range(0, most + 1, step)])
        else:
            each.append(sorted({str(min(int(t), most)) for t in every_number(field)}))
    return ["/".join(chosen) for chosen in itertools.product(*each)]


@dataclass(frozen=True)
class Numbers:
    """What a network is judged by; masses are exact."""

    spec: Spec
    mass: Fraction
    parts: tuple[Fraction, ...]
    params: int
    macs: int
    memory: int

    @classmethod
    def of(cls, spec: Spec) -> Numbers:
        return cls(
            spec,
            sum((cell.exact_mass for cell in spec.cells), Fraction(0)),
            parts_of(spec),
            spec.params,
            spec.macs,
            spec.peak_activation_bytes,
        )


def parts_of(spec: Spec) -> tuple[Fraction, ...]:
    """Exact mass of each cell, dense block, stage or row."""
    if spec.family.startswith("dense"):
        return tuple(cell.exact_mass for cell in spec.cells)
    values = spec.values()
    rows = values.get("rows")
    counts = [row[2] for row in rows] if rows else values["blocks"]
    ends = list(itertools.accumulate(counts, initial=0))
    blocks = spec.blocks if rows else spec.residual_blocks
    masses = [Fraction(0) if b.cell is None else b.cell.exact_mass for b in blocks]
    return tuple(sum(masses[a:b], Fraction(0)) for a, b in itertools.pairwise(ends))


def shape_of(spec: Spec) -> tuple[tuple[object, ...], tuple[int, ...]]:
    """What couples the parts (widths, a shared depth), and the numbers of the parts."""
    values = spec.values()
    if spec.family == "dense-mlp":
        return (values["w"],), (values["d"],)
    if spec.family in ("dense-cnn", "dense-cnn-dw"):
        return (values["wm"],), tuple(values["d"])
    if spec.family == "mobilenet-v2":
        return (values["wm"],), tuple(x for t, _, n, _ in values["rows"] for x in (t, n))
    keys = ("growth", "bottleneck", "compression", "wm", "widen", "groups", "width")
    return tuple(values.get(key) for key in keys), tuple(values["blocks"])


def is_like(one: Spec, other: Spec, *, shares_depth: bool) -> bool:
    """The second would be a twin of the first in a list of designs."""
    (widths, own), (others, numbers) = shape_of(one), shape_of(other)
    if widths != others or (shares_depth and own != numbers):
        return False
    if shares_depth:
        return True
    least = 2 if len(own) > 1 else 1
    return all(
        abs(a - b) < max(least, math.ceil(Fraction(a, 5)))
        for a, b in zip(own, numbers, strict=True)
    )
