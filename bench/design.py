"""Designing, from request to candidates, beside looking at every network of a small space.

    taskset -c 0 python bench/design.py

Seconds are those of the processor, so that other work on the machine counts little.
"""

from __future__ import annotations

import itertools
import time

import nnmass
from nnmass.design import Front, Space, design
from nnmass.errors import NNMassError
from nnmass.specs import Spec

DEEP = "dense-cnn(wm=2,d=21,t=40/80/125)"
FREE = "dense-cnn(wm=2,d=4..64/4..64/4..64,t=*/*/*)"
AUTHORS = (
    "mobilenet-v2(wm=1.1,rows=1:16:2:1/6:24:3:2/6:32:4:2/6:64:5:2/6:96:4:1/6:160:3:2/6:320:1:1)"
)
WIDE = {"like": "mobilenet-v2(wm=1.4)", "width": "1..1.4..0.1", "across_widths": True}
SMALL = "dense-cnn(wm=1,d=3..8,t=*..4/*..4,image=8)"

REQUESTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("every cell's mass, d 10..21", {"like": DEEP}),
    ("the sum of masses", {"like": DEEP, "match": "network"}),
    ("the same, 2.2x fewer MACs", {"like": DEEP, "match": "network", "max_macs": 543e6}),
    ("depthwise, 2.2x fewer MACs", {
        "like": DEEP.replace("cnn", "cnn-dw"), "match": "network", "max_macs": 96.5e6,
    }),
    ("d 4..64, each cell its own", {"like": DEEP, "match": "network", "space": FREE}),
    ("least memory of those", {"like": DEEP, "space": FREE, "objective": "memory"}),
    ("most mass in 1 M parameters", {
        "like": DEEP, "space": FREE, "objective": "mass", "max_params": 1e6,
    }),
    ("MobileNetV2, mass 1797", {**WIDE, "mass": 1797}),
    ("the same, at most 419.2 M MACs", {**WIDE, "mass": 1797, "max_macs": 419.2e6}),
    ("DenseNet-121, depths 3..40", {"like": "densenet(depth=121)", "depth": (3, 40)}),
)  # fmt: skip


def timed(request: dict[str, object]) -> tuple[Front, float]:
    start = time.process_time()
    front = design(top=1, **request)  # type: ignore[arg-type]
    return front, time.process_time() - start


def told(name: str, front: Front, seconds: float) -> None:
    best, reference = front[0], front.reference
    against = ""
    if reference is not None:
        against = f"{reference.params / best.params:7.2f}x{reference.macs / best.macs:7.2f}x"
    proven = "" if front.is_optimal else "  not proven"
    print(
        f"{name:32s}{front.n_covered:26,d}{seconds:8.2f} s{best.params:12,d}{best.macs:15,d}"
        f"{best.mass:9.2f}{against}{proven}"
    )
    print(f"    {best.spec}")


def every_network() -> list[Spec]:
    """Each network of the small space, by its spec."""
    found = []
    for depth in range(3, 9):
        caps = [range(0, width * (depth - 2) + 1, 4) for width in (16, 32)]
        for first, second in itertools.product(*caps):
            found.append(nnmass.parse(f"dense-cnn(wm=1,d={depth},t={first}/{second},image=8)"))
    return found


def against_a_plain_loop() -> None:
    start = time.process_time()
    enough = [spec for spec in every_network() if spec.mass >= 150]
    least = min(spec.params for spec in enough)
    plain = time.process_time() - start
    front, ours = timed({"space": SMALL, "mass": 150.0})
    if front[0].params != least:
        raise NNMassError(f"the loop found {least} parameters, design {front[0].params}")
    n = Space.parse(SMALL).size
    print(
        f"{n:,} networks, the same optimum of {least:,} parameters: spec by spec {plain:.2f} s, "
        f"design {ours:.3f} s, {plain / ours:.0f}x"
    )
    years = Space.parse(FREE).size * plain / n / 3600 / 24 / 365
    print(f"spec by spec, {FREE} would take {years:,.0f} years\n")


def main() -> None:
    against_a_plain_loop()
    print(f"{'':32s}{'networks':>26s}{'one core':>10s}{'params':>12s}{'MACs':>15s}{'mass':>9s}")
    for name, request in REQUESTS:
        told(name, *timed(request))
    authors, name = nnmass.parse(AUTHORS), "hard-coded in the released code"
    print(f"{name:32s}{'':36s}{authors.params:12,d}{authors.macs:15,d}{authors.mass:9.2f}")
    print(f"    {authors}")


if __name__ == "__main__":
    main()
