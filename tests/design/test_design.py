from __future__ import annotations

import dataclasses
import itertools
import json
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnmass
from nnmass.design import _design as room
from nnmass.design import design
from nnmass.errors import BudgetError, SpecError

SMALL = "dense-cnn(wm=1,d=6,t=10/30)"
BIG = "dense-cnn(wm=2,d=21,t=40/80/125)"


def exact_masses(spec):
    return [cell.exact_mass for cell in spec.cells]


# --- against brute force


def every_combination(reference, depth):
    """Of link caps that give different networks."""
    ranges = [range(cell.width * (depth - 2) + 1) for cell in reference.cells]
    return itertools.product(*ranges)


def every_network(reference, depth):
    """All networks of one depth: (spec, masses) for every tuple of link caps."""
    for caps in every_combination(reference, depth):
        if isinstance(reference, nnmass.specs.DenseMLP):
            yield dataclasses.replace(reference, depth=depth, link_cap=caps[0])
        else:
            yield dataclasses.replace(reference, depths=(depth,) * len(caps), link_caps=caps)


def paper_mass(cell, depth):
    links = sum(min(cell.link_cap, cell.width * (layer - 1)) for layer in range(2, depth))
    return Fraction(2 * depth * links, (depth - 1) * (depth - 2))


def cheapest_by_brute_force(reference, depth, targets, objective, match):
    """Least cost at one depth; masses from the paper's definition, in fractions."""
    best = None
    for spec in every_network(reference, depth):
        masses = [paper_mass(cell, depth) for cell in spec.cells]
        if match == "cells":
            is_enough = all(m >= t for m, t in zip(masses, targets, strict=True))
        else:
            is_enough = sum(masses) >= sum(targets)
        if is_enough and (best is None or getattr(spec, objective) < best):
            best = getattr(spec, objective)
    return best


CASES = [
    ("dense-cnn(wm=1,d=4,t=9/13)", (3, 4)),
    ("dense-cnn(wm=1,d=4/5,t=20/11,in=1,image=8)", (3, 4)),
    ("dense-cnn-dw(wm=1,d=4,t=17/40)", (3, 4)),
    ("dense-mlp(w=7,d=9,t=11)", (3, 9)),
    ("dense-mlp(w=3,d=6,t=2,classes=2)", (3, 8)),
]


@pytest.mark.parametrize("objective", ["params", "macs"])
@pytest.mark.parametrize("match", ["network", "cells"])
@pytest.mark.parametrize(("text", "depths"), CASES)
def test_every_depth_has_its_optimum(text, depths, match, objective):
    reference = nnmass.parse(text)
    found = {}
    front = design(like=reference, depth=depths, objective=objective, match=match, top=99)
    for candidate in front:
        found[candidate.spec.cells[0].depth] = getattr(candidate, objective)
    for depth in range(depths[0], depths[1] + 1):
        wanted = cheapest_by_brute_force(
            reference, depth, exact_masses(reference), objective, match
        )
        assert found.get(depth) == wanted
    costs = [getattr(candidate, objective) for candidate in front]
    assert costs == sorted(costs)


@pytest.mark.parametrize("mass", [0, 1, 12.5, 33.3, 60, 96])
@pytest.mark.parametrize("match", ["network", "cells"])
def test_a_given_mass_has_its_optimum(mass, match):
    reference = nnmass.parse("dense-cnn(wm=1,d=3,t=8/16)")
    exact, total = Fraction(mass), sum(exact_masses(reference))
    targets = [exact * m / total for m in exact_masses(reference)]
    front = design(like=reference, mass=mass, depth=(3, 4), match=match)
    for candidate in front:
        depth = candidate.spec.cells[0].depth
        wanted = cheapest_by_brute_force(reference, depth, targets, "params", match)
        assert candidate.params == wanted


def test_brute_force_can_tell():
    reference = nnmass.parse("dense-cnn(wm=1,d=4,t=9/13)")
    targets = exact_masses(reference)
    dearer = [t + 1 for t in targets]
    first, second = (
        cheapest_by_brute_force(reference, 4, t, "params", "network") for t in (targets, dearer)
    )
    assert first < second


# --- what a front promises


REFERENCES = st.builds(
    lambda depth, caps: f"dense-cnn(wm=1,d={depth},t={'/'.join(map(str, caps))})",
    st.integers(3, 14),
    st.lists(st.integers(0, 300), min_size=1, max_size=3),
)


@settings(max_examples=60)
@given(REFERENCES, st.sampled_from(["params", "macs"]), st.sampled_from(["network", "cells"]))
def test_the_mass_is_met_exactly(text, objective, match):
    front = design(like=text, objective=objective, match=match, top=99)
    reference = front.reference.spec
    for candidate in front:
        reached, wanted = exact_masses(candidate.spec), exact_masses(reference)
        assert sum(reached) >= sum(wanted)
        if match == "cells":
            assert all(a >= b for a, b in zip(reached, wanted, strict=True))
        assert candidate.mass >= front.target_mass
        assert (candidate.mass, candidate.params) == (candidate.spec.mass, candidate.spec.params)
        assert candidate.macs == candidate.spec.macs
    cost = getattr(front.reference, objective)
    assert getattr(front[0], objective) <= cost  # the reference's own depth is among them
    assert design(like=text, objective=objective, match=match, top=99) == front
    assert front.reference.spec == nnmass.parse(text)
    assert front.target_mass == pytest.approx(reference.mass)


def test_one_link_fewer_would_not_do():
    front = design(like="dense-mlp(w=9,d=12,t=7)", top=99)
    for candidate in front:
        spec = candidate.spec
        if spec.link_cap:
            fewer = dataclasses.replace(spec, link_cap=spec.link_cap - 1)
            assert exact_masses(fewer)[0] < exact_masses(front.reference.spec)[0]


@pytest.mark.parametrize("match", ["network", "cells"])
def test_more_mass_is_never_cheaper(match):
    masses = [0.0, 1.0, 5.0, 20.0, 45.5, 70.0, 120.0, 200.0, 250.0]
    costs = [design(like=SMALL, mass=m, depth=(3, 6), match=match)[0].params for m in masses]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_no_mass_at_all():
    front = design(like=SMALL, mass=0, depth=(3, 5), top=3)
    assert [str(c.spec) for c in front] == [f"dense-cnn(wm=1,d={d},t=0/0)" for d in (3, 4, 5)]
    assert front.target_mass == 0.0
    assert design(like="dense-cnn(wm=1,d=6,t=0/0)", match="cells")[0].mass == 0


@pytest.mark.parametrize(("depth", "low"), [(3, 3), (6, 3), (7, 3), (8, 4), (21, 10)])
def test_depths_unless_told(depth, low):
    front = design(like=f"dense-cnn(wm=1,d={depth},t=1/1)", top=99)
    assert front.depths == (low, depth)
    assert {c.spec.depths[0] for c in front} == set(range(low, depth + 1))
    assert design(like=f"dense-cnn(wm=1,d=3/{depth},t=1/1)").depths == (low, depth)


def test_everything_but_depths_and_caps_is_kept():
    text = "dense-cnn-dw(wm=3,d=8,t=20/30,in=1,image=20,classes=7)"
    for candidate in design(like=text, top=99):
        spec = candidate.spec
        assert (spec.family, spec.width_multiplier, spec.classes) == ("dense-cnn-dw", 3, 7)
        assert spec.input_shape == (1, 20, 20)
    for candidate in design(like="dense-mlp(w=5,d=9,t=4,in=64,act=relu,wiring=legacy)"):
        assert str(candidate.spec).endswith(",in=64,act=relu,wiring=legacy)")


def test_top():
    everything = design(like=BIG, top=99)
    assert len(everything) == 12
    for top in (1, 3, 10):
        assert list(design(like=BIG, top=top)) == list(everything)[:top]
    assert len(design(like=BIG)) == 10
    assert everything[0] is everything.candidates[0]
    assert everything[-2:] == everything.candidates[-2:]


@pytest.mark.parametrize("text", [SMALL, "dense-mlp(w=4,d=7,t=3)", "dense-cnn(wm=1,d=4,t=1/1/1)"])
def test_n_covered_is_the_number_of_networks(text):
    reference = nnmass.parse(text)
    front = design(like=reference, depth=(3, 4))
    counted = sum(1 for depth in (3, 4) for _ in every_combination(reference, depth))
    assert front.n_covered == counted


def test_a_starved_cell_is_noted():
    front = design(like=BIG)
    best = front[0].spec
    starved = [
        i for i, (a, b) in enumerate(zip(front.reference.spec.cells, best.cells, strict=True))
        if b.exact_mass < a.exact_mass / 2
    ]  # fmt: skip
    assert starved
    (note,) = front.notes
    cells = f"cell {starved[0]} " if len(starved) == 1 else f"cells {', '.join(map(str, starved))} "
    assert f"{best} keeps the sum of masses but leaves {cells}with less than half" in note
    assert "--match cells" in note
    assert design(like=BIG, match="cells").notes == ()
    assert design(like="dense-mlp(w=8,d=12,t=9)").notes == ()


def test_as_json():
    front = design(like=SMALL, top=2)
    values = json.loads(json.dumps(front.to_dict()))
    assert values["candidates"] == [c.to_dict() for c in front]
    assert values["reference"]["spec"] == SMALL
    assert (values["depths"], values["objective"], values["match"]) == ([3, 6], "params", "network")
    assert values["n_covered"] == front.n_covered
    assert values["is_optimal"] is True


def test_the_work_is_one_search_a_depth(monkeypatch):
    calls = []
    real = room.cheapest_caps

    def counted(options, needed):
        calls.append((len(options), needed))
        return real(options, needed)

    monkeypatch.setattr(room, "cheapest_caps", counted)
    front = design(like="dense-cnn(wm=2,d=13,t=40/80/125/200)")
    assert len(calls) == 13 - 6 + 1
    assert {n for n, _ in calls} == {4}
    assert front.n_covered > 10**11  # no list of them could be made


def test_no_torch():
    code = (
        "import sys; from nnmass.design import design; "
        f"design(like={SMALL!r}); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


# --- what cannot be


def test_the_mass_of_every_link_can_be_reached_and_no_more():
    most = 6 * (16 + 32)
    assert design(like=SMALL, mass=most)[0].mass == most
    with pytest.raises(BudgetError) as caught:
        design(like=SMALL, mass=most + 0.5)
    assert str(caught.value) == (
        "no dense-cnn of depth 3 to 6 with cells of width 16/32 has mass 288.5: with every "
        "possible link it is 288 (width * depth). Allow more depth (--depth) or ask for a lower "
        "--mass"
    )
    with pytest.raises(
        BudgetError, match=r"^no dense-mlp of depth 3 to 4 with cells of width 8 has "
    ):
        design(like="dense-mlp(w=8,d=20,t=30)", depth=(3, 4))


def test_a_cell_that_cannot_be_reached():
    with pytest.raises(BudgetError) as caught:
        design(like="dense-cnn(wm=1,d=8,t=1/500)", depth=(3, 7), match="cells")
    assert str(caught.value) == (
        "no dense-cnn of depth 3 to 7 has mass 256 in cell 1: width 32 and depth 7 reach 224 at "
        "most. Allow more depth (--depth), a lower --mass, or --match network"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"family": "dense-mlp"},
            "family must be the reference's, 'dense-cnn', got 'dense-mlp': masses are compared "
            "within one family and width multiplier",
        ),
        ({"like": None}, "like must be a spec or a spec string, got None"),
        ({"like": 3}, "like must be a spec or a spec string, got 3"),
        ({"objective": "flops"}, "objective must be 'params' or 'macs', got 'flops'"),
        ({"match": "cell"}, "match must be 'network' or 'cells', got 'cell'"),
        ({"top": 0}, "top must be at least 1, got 0"),
        ({"top": 2.0}, "top must be a whole number of at least 1, got 2.0"),
        ({"depth": (2, 6)}, "the lowest depth must be at least 3, got 2"),
        ({"depth": (6, 5)}, "the highest depth must be at least 6, got 5"),
        ({"depth": (3, 4.5)}, "the highest depth must be a whole number of at least 3, got 4.5"),
        ({"depth": (3,)}, "depth must be two numbers (lowest, highest), got (3,)"),
        ({"depth": (3, 4, 5)}, "depth must be two numbers (lowest, highest), got (3, 4, 5)"),
        ({"depth": 5}, "depth must be two numbers (lowest, highest), got 5"),
        ({"mass": -1}, "mass must be a number of at least 0, got -1"),
        ({"mass": float("nan")}, "mass must be a number of at least 0, got nan"),
        ({"mass": float("inf")}, "mass must be a number of at least 0, got inf"),
        ({"mass": "9"}, "mass must be a number of at least 0, got '9'"),
        ({"mass": True}, "mass must be a number of at least 0, got True"),
    ],
)
def test_bad_requests(arguments, message):
    with pytest.raises(SpecError) as caught:
        design(**{"like": SMALL, **arguments})
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["resnet(depth=18)", "mobilenet-v2(wm=1)", "vgg(depth=16)"])
def test_families_without_link_caps(text):
    with pytest.raises(SpecError) as caught:
        design(like=text)
    family = text.split("(")[0]
    assert str(caught.value) == (
        "design needs a family with link caps (dense-mlp, dense-cnn, dense-cnn-dw), got "
        f"{family!r}: the mass of a {family} follows from its depth and widths; compare such "
        "networks with `nnmass mass`"
    )


def test_a_mass_shared_out_as_in_a_reference_without_any():
    with pytest.raises(SpecError) as caught:
        design(like="dense-cnn(wm=1,d=6,t=0/0)", mass=5, match="cells")
    assert str(caught.value) == (
        "match='cells' shares the mass 5 out as in the reference, but dense-cnn(wm=1,d=6,t=0/0) "
        "has mass 0; use match='network'"
    )
