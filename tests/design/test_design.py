from __future__ import annotations

import functools
import json
import math
import random
import subprocess
import sys

import pytest

import nnmass
from nnmass.design import Space, design
from nnmass.errors import BudgetError, MissingExtraError, SpecError
from nnmass.nets import open_network
from oracles.spaces import SMALL_SPACES, Numbers, every_network, is_like, parts_of

SMALL = "dense-cnn(wm=1,d=6,t=10/30)"
BIG = "dense-cnn(wm=2,d=21,t=40/80/125)"

COSTS = ("params", "macs", "memory")


@functools.cache
def numbers_of(text):
    return tuple(map(Numbers.of, every_network(text)))


# --- against brute force


def shares_depth(text):
    """All cells of a network have one depth."""
    fields = dict(part.split("=") for part in text[:-1].split("(", maxsplit=1)[1].split(","))
    return text.startswith("dense-cnn") and "/" not in fields["d"]


def drawn_limits(draw, networks):
    """A mass and budgets that some network of the space keeps to, or almost."""
    one = draw.choice(networks)
    limits = {"mass": float(one.mass) * draw.choice([0.5, 0.9, 1.0])}
    for name in COSTS:
        if draw.random() < 0.5:
            limits[name] = int(getattr(one, name) * draw.choice([0.8, 1.0, 1.3]))
    if draw.random() < 0.2:
        limits["max_mass"] = limits["mass"] * draw.choice([1.0, 1.1])
    return limits


def keeps(network, limits):
    is_within = all(getattr(network, name) <= limits.get(name, math.inf) for name in COSTS)
    low, high = limits.get("mass", 0.0), limits.get("max_mass", math.inf)
    return is_within and low <= float(network.mass) <= high  # as the masses are printed


def arguments_of(limits, objective):
    mass = limits.get("mass")
    return {
        "mass": (mass, limits["max_mass"]) if "max_mass" in limits else mass,
        "max_params": limits.get("params"),
        "max_macs": limits.get("macs"),
        "max_memory": limits.get("memory"),
        "objective": objective,
        "across_widths": True,
    }


def value_of(network, objective):
    return -network.mass if objective == "mass" else getattr(network, objective)


@pytest.mark.parametrize("objective", ["params", "macs", "memory", "mass"])
@pytest.mark.parametrize("text", SMALL_SPACES)
def test_best_first_as_by_brute_force(text, objective):
    draw = random.Random(f"{text} {objective}")
    networks, n_fits = numbers_of(text), 0
    for _ in range(12):
        limits = drawn_limits(draw, networks)
        fitting = [network for network in networks if keeps(network, limits)]
        if not fitting:
            with pytest.raises(BudgetError):
                design(space=text, **arguments_of(limits, objective))
            continue
        n_fits += 1
        front = design(space=text, **arguments_of(limits, objective), top=5)
        assert front.n_covered == len(networks)
        for candidate in front:
            own = Numbers.of(candidate.spec)
            assert keeps(own, limits)
            best = min(value_of(network, objective) for network in fitting)
            assert value_of(own, objective) == best
            if objective in ("memory", "mass"):  # which many networks share
                ties = [n.params for n in fitting if value_of(n, objective) == best]
                assert own.params == min(ties)
            fitting = [
                network
                for network in fitting
                if not is_like(candidate.spec, network.spec, shares_depth=shares_depth(text))
            ]
        assert not fitting or len(front) == 5
    assert n_fits > 3


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_every_cell_keeps_its_mass(text):
    draw = random.Random(text)
    networks = numbers_of(text)
    for _ in range(6):
        reference = draw.choice([network for network in networks if network.mass])
        fitting = [
            network
            for network in networks
            if all(a >= b for a, b in zip(network.parts, reference.parts, strict=True))
            and network.params <= reference.params
            and network.macs <= reference.macs
        ]
        front = design(space=text, like=reference.spec, match="cells", across_widths=True, top=1)
        assert front[0].params == min(network.params for network in fitting)
        assert front.limits.of_reference == ("params", "macs")


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_the_most_mass_keeps_the_balance(text):
    draw = random.Random(text)
    networks = numbers_of(text)
    for _ in range(6):
        reference = draw.choice([n for n in networks if all(n.parts)] or [networks[-1]])
        if not reference.mass:
            continue
        budget = int(draw.choice(networks).params * 1.1)
        fitting = [n for n in networks if n.params <= budget and n.macs <= reference.macs]
        if not fitting:
            continue

        def kept(network, own=reference.parts):
            return min(a / b for a, b in zip(network.parts, own, strict=True) if b)

        best = max((kept(network), network.mass) for network in fitting)
        front = design(
            space=text,
            like=reference.spec,
            match="cells",
            objective="mass",
            max_params=budget,
            across_widths=True,
            top=1,
        )
        found = Numbers.of(front[0].spec)
        assert (kept(found), found.mass) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_an_impossible_design_says_what_would_do(text):
    draw = random.Random(text)
    networks, n_tried = numbers_of(text), 0
    for _ in range(40):
        one, other = draw.choice(networks), draw.choice(networks)
        limits = {"mass": float(one.mass), "params": other.params, "macs": other.macs}
        if any(keeps(network, limits) for network in networks):
            continue
        n_tried += 1
        with pytest.raises(BudgetError) as caught:
            design(space=text, **arguments_of(limits, "params"))
        message = str(caught.value)
        assert f"({len(networks):,} networks)" in message
        for name, words in (("params", "parameters of at least"), ("macs", "MACs of at least")):
            others = {key: value for key, value in limits.items() if key != name}
            feasible = [getattr(n, name) for n in networks if keeps(n, others)]
            assert (words in message) == bool(feasible)
            if feasible:
                assert f"{words} {min(feasible):,}" in message
        without = [n.mass for n in networks if keeps(n, limits | {"mass": 0})]
        assert ("mass of at most" in message) == bool(without)
        if without:
            told = (
                message.split("mass of at most ")[1]
                .split(";", maxsplit=1)[0]
                .split(". Or", maxsplit=1)[0]
            )
            assert float(told) <= max(without) < float(told) * (1 + 1e-5) + 1e-300
    assert n_tried > 3


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_the_masses_that_would_do_are_there_for_the_asking(text):
    draw = random.Random(text)
    networks, n_tried = numbers_of(text), 0
    for _ in range(40):
        one, other = draw.choice(networks), draw.choice(networks)
        asked = {"space": text, "across_widths": True, "top": 1, "max_params": other.params}
        asked |= {"max_macs": other.macs, "like": one.spec}
        try:
            design(**asked, mass=float(one.mass), match=draw.choice(["cells", "network"]))
        except BudgetError as error:
            message = str(error)
        else:
            continue
        for words, end, match in (
            ("mass of at most ", ";", "network"),
            ("of every part, ", " in all", "cells"),
        ):
            if words in message:
                n_tried += 1
                told = (
                    message.split(words)[1].split(end, maxsplit=1)[0].split(". Or", maxsplit=1)[0]
                )
                assert design(**asked, mass=float(told), match=match)
    assert n_tried > 3


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_a_mass_just_missed_leaves_the_answer_proven(text):
    draw = random.Random(text)
    networks = numbers_of(text)
    for objective in ("params", "macs", "memory"):
        mass = float(
            draw.choice([n for n in networks if n.mass < networks[-1].mass and n.mass]).mass
        )
        asked = math.nextafter(math.nextafter(mass, math.inf), math.inf)
        fitting = [network for network in networks if float(network.mass) >= asked]
        front = design(space=text, mass=asked, objective=objective, across_widths=True, top=1)
        best = min(getattr(network, objective) for network in fitting)
        assert getattr(Numbers.of(front[0].spec), objective) == best
        assert front.is_optimal
        assert not any("ran out of work" in note for note in front.notes)


def test_brute_force_can_tell():
    networks = numbers_of(SMALL_SPACES[3])
    masses = sorted({network.mass for network in networks})
    cheap, dear = (
        min(network.params for network in networks if network.mass >= mass)
        for mass in (masses[1], masses[-1])
    )
    assert cheap < dear


# --- what is asked of the product


def test_a_dense_cnn_at_half_the_cost():
    for family, match, factor in (
        ("dense-cnn", "cells", 2.2),
        ("dense-cnn", "network", 2.2),
        ("dense-cnn-dw", "cells", 2.19),  # 650,674 parameters, and that is the optimum
        ("dense-cnn-dw", "network", 2.2),
    ):
        reference = nnmass.parse(f"{family}(wm=2,d=21,t=40/80/125)")
        budget = reference.macs / 2.2
        front = design(like=reference, depth=(10, 21), match=match, max_macs=budget)
        best = front[0]
        assert reference.params >= factor * best.params
        assert reference.macs >= 2.2 * best.macs
        assert best.mass >= reference.mass
        assert front.n_covered == 9_291_316_684


AUTHORS = (
    "mobilenet-v2(wm=1.1,rows=1:16:2:1/6:24:3:2/6:32:4:2/6:64:5:2/6:96:4:1/6:160:3:2/6:320:1:1)"
)


def test_mobilenet_v2_beats_the_hard_coded_one():
    authors = nnmass.parse(AUTHORS)
    assert (authors.params, round(authors.macs / 1e5), authors.mass) == (4304504, 4192, 1797)
    arguments = {"like": "mobilenet-v2(wm=1.4)", "width": "1..1.4..0.1", "across_widths": True}
    fewest = design(**arguments, mass=1797)[0]
    assert fewest.mass >= 1797
    assert fewest.params < authors.params
    both = design(**arguments, mass=1797, max_macs=authors.macs)[0]
    assert both.params < authors.params
    assert both.macs <= authors.macs
    narrow = design(**arguments | {"width": "1.1"}, mass=1797, max_macs=authors.macs)[0]
    assert narrow.params <= authors.params
    assert fewest.outside == ("wm=1, the reference has wm=1.4",)


def test_more_than_ten_to_the_fifteen_networks():
    front = design(
        space="dense-cnn(wm=2,d=4..64/4..64/4..64,t=*/*/*)", like=BIG, match="network", top=3
    )
    assert front.n_covered > 10**15
    assert parts_of(front[0].spec)
    assert front[0].mass >= front.reference.mass
    assert [c.params for c in front] == sorted(c.params for c in front)


# --- what a front promises


def test_the_default_keeps_every_cell_and_costs_no_more():
    front = design(like=BIG)
    assert (front.match, front.objective) == ("cells", "params")
    assert str(front.space) == "dense-cnn(wm=2,d=10..21,t=*/*/*)"
    wanted = parts_of(nnmass.parse(BIG))
    for candidate in front:
        assert all(a >= b for a, b in zip(parts_of(candidate.spec), wanted, strict=True))
        assert candidate.macs <= front.reference.macs
        assert candidate.outside == ()
        numbers = Numbers.of(candidate.spec)
        assert (candidate.params, candidate.macs) == (numbers.params, numbers.macs)
        assert (candidate.mass, candidate.memory) == (float(numbers.mass), numbers.memory)
        assert candidate.latency_ms is None
        assert candidate.accuracy is None
    assert front.target_mass == front.reference.mass
    assert design(like=BIG) == front


def test_one_link_fewer_would_not_do():
    import dataclasses

    for candidate in design(like="dense-mlp(w=9,d=12,t=7)", top=99):
        spec = candidate.spec
        if spec.link_cap:
            fewer = dataclasses.replace(spec, link_cap=spec.link_cap - 1)
            assert parts_of(fewer) < parts_of(nnmass.parse("dense-mlp(w=9,d=12,t=7)"))


@pytest.mark.parametrize("match", ["network", "cells"])
def test_more_mass_is_never_cheaper(match):
    masses = [0.0, 1.0, 5.0, 20.0, 45.5, 70.0, 120.0, 200.0, 250.0]
    free = {"max_params": math.inf, "max_macs": math.inf}
    costs = [
        design(like=SMALL, mass=m, depth=(3, 6), match=match, **free)[0].params for m in masses
    ]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_a_reference_limits_costs_unless_told():
    asked = {"like": SMALL, "mass": 250.0, "match": "network"}
    with pytest.raises(BudgetError, match="parameters of at most 124,346 "):
        design(**asked)
    free = design(**asked, max_params=math.inf, max_macs=math.inf)
    assert free.limits.to_dict() == {"mass": 250.0}
    assert free[0].params > 124346


def test_top():
    everything = design(like=BIG, top=99)
    assert len(everything) == 11  # one for each depth but the reference's own, which it is itself
    for top in (1, 3, 10):
        assert list(design(like=BIG, top=top)) == list(everything)[:top]
    assert len(design(like=BIG)) == 10
    assert everything[0] is everything.candidates[0]
    assert everything[-2:] == everything.candidates[-2:]


def test_no_twins():
    front = design(space="dense-cnn(wm=2,d=10..21/10..21/10..21,t=*/*/*)", like=BIG, top=6)
    depths = [[cell.depth for cell in candidate.spec.cells] for candidate in front]
    for index, own in enumerate(depths):
        for other in depths[:index]:
            pairs = zip(own, other, strict=True)
            assert any(abs(a - b) >= max(2, math.ceil(b / 5)) for a, b in pairs)


def test_a_starved_cell_is_noted():
    front = design(like=BIG, match="network")
    best = front[0].spec
    pairs = zip(parts_of(nnmass.parse(BIG)), parts_of(best), strict=True)
    starved = [i for i, (a, b) in enumerate(pairs) if b < a / 2]
    assert starved == [2]
    (note,) = front.notes
    assert f"{best} keeps the sum of masses but leaves cell 2 with less than half" in note
    assert "--match cells" in note
    (note,) = design("dense-cnn", mass=300, max_params=2e6).notes
    assert "leaves cell 2 with no link" in note
    assert "With a reference (--like), match='cells'" in note
    assert design(like=BIG).notes == ()
    assert design(like="mobilenet-v2(wm=1.4)").notes == ()


def test_a_reference_that_nothing_beats_is_noted():
    front = design(like="resnet(depth=20)")
    assert str(front[0].spec) == "resnet(depth=20)"
    assert front.notes[0].startswith("nothing in the space is better than the reference resnet(")
    assert "layers can only be moved. Allow other widths" in front.notes[0]


@pytest.mark.parametrize("caps", ["8", "99"])
def test_a_reference_under_another_name_is_noted_too(caps):
    front = design(like=f"dense-mlp(w=8,d=3,t={caps})", top=10**30)
    assert [str(candidate.spec) for candidate in front] == ["dense-mlp(w=8,d=3,t=8)"]
    assert "Allow lower depths" in front.notes[0]
    assert "layers can only be moved" not in front.notes[0]


def test_a_reference_of_all_skips_is_no_candidate():
    own = {"dense-cnn(wm=1,d=6,t=64/0)", "dense-cnn(wm=1,d=6,t=999/0)"}  # one network
    for like in own:
        front = design(like=like, match="network", max_params=1e6, max_macs=1e9, top=99)
        assert own.isdisjoint(str(candidate.spec) for candidate in front)


def test_the_reference_is_no_candidate_of_its_own():
    front = design(like="densenet(depth=121)")
    assert front.reference.spec not in [candidate.spec for candidate in front]
    assert len(front) > 2


def test_what_lies_outside_is_marked():
    front = design(like=BIG, depth=(4, 8))
    assert front[0].outside == tuple(f"cell {i} has depth 4, outside 10 to 21" for i in range(3))
    wide = design(like=SMALL, width="1..2", across_widths=True, max_params=math.inf, top=99)
    others = [candidate for candidate in wide if candidate.spec.width_multiplier == 2]
    assert all("wm=2, the reference has wm=1" in candidate.outside for candidate in others)


def test_as_json():
    front = design(like=SMALL, top=2)
    values = json.loads(json.dumps(front.to_dict()))
    assert values["candidates"] == [c.to_dict() for c in front]
    assert values["reference"]["spec"] == SMALL
    assert values["space"] == "dense-cnn(wm=1,d=3..6,t=*/*)"
    assert (values["objective"], values["match"]) == ("params", "cells")
    assert values["limits"]["params"] == front.reference.params
    assert values["n_covered"] == front.n_covered
    assert values["is_optimal"] is True


def test_no_torch():
    code = (
        "import sys; from nnmass.design import design; "
        f"design(like={SMALL!r}); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


# --- references of others


def test_a_network_of_others_is_recognised():
    try:
        open_network("timm:resnet18")
    except MissingExtraError:
        pytest.skip("timm is not installed")
    front = design(like="timm:densenet121", top=1)
    assert str(front.reference.spec) == "densenet(depth=121)"
    assert front.notes == ("timm:densenet121 is densenet(depth=121)",)
    assert front[0].params < 7978856
    assert front[0].macs <= front.reference.macs
    with pytest.raises(SpecError, match=r"regnety_002 (comes nearest|is of no family)"):
        design(like="timm:regnety_002")
    with pytest.raises(SpecError, match="family must be the reference's, 'densenet'"):
        design("resnet", like="timm:densenet121")


def test_a_factory_needs_a_shape(tmp_path, monkeypatch):
    code = "import nnmass\n\ndef net():\n    return nnmass.build('resnet(depth=20)')\n"
    (tmp_path / "mine_for_design.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    front = design(like="mine_for_design:net", input_shape=(3, 32, 32), top=1)
    assert str(front.reference.spec) == "resnet(depth=20)"


# --- what cannot be


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "dense-mlp"}, "family must be the reference's, 'dense-cnn', got 'dense-mlp'"),
        ({"like": 3}, "like must be a spec, a spec string or the name of a network"),
        ({"like": None}, "a design needs a reference (like=, --like), a space"),
        ({"like": "vgg(depth=16)"}, "vgg networks have no skips, and so a mass of 0"),
        ({"like": "dense-cnn(wm=1,d=6,t=0/0)"}, "has mass 0, since it has no skips"),
        ({"objective": "flops"}, "objective must be one of params, macs, latency, memory, mass"),
        ({"objective": "param"}, "Did you mean 'params'"),
        ({"objective": 3}, "got 3"),
        ({"objective": "accuracy"}, "objective 'accuracy' needs a fit"),
        ({"objective": "latency"}, "latency needs a measured table of this machine"),
        ({"max_latency_ms": 3}, "latency needs a measured table of this machine"),
        ({"match": "cell"}, "match must be 'network' or 'cells', got 'cell'"),
        ({"top": 0}, "top must be at least 1, got 0"),
        ({"top": 2.0}, "top must be a whole number of at least 1, got 2.0"),
        ({"depth": (2, 6)}, "the lowest depth of a cell must be at least 3, got 2"),
        ({"depth": (6, 5)}, "the highest depth of a cell must be at least 6, got 5"),
        ({"depth": 5}, "depth must be two numbers (lowest, highest), got 5"),
        ({"mass": -1}, "mass must be a number of at least 0, or two (least, most), got -1"),
        ({"mass": float("nan")}, "mass must be a number of at least 0"),
        ({"mass": float("inf")}, "mass must be a number of at least 0"),
        ({"mass": "9"}, "mass must be a number of at least 0"),
        ({"mass": True}, "mass must be a number of at least 0"),
        ({"mass": (3, 2)}, "mass must be (least, most), and the most 2 lies below the least 3"),
        ({"mass": (1, 2, 3)}, "mass must be a number of at least 0"),
        ({"max_params": 0}, "max_params must be a finite number above 0, got 0"),
        ({"max_macs": -5}, "max_macs must be a finite number above 0, got -5"),
        ({"max_memory": "30MiB"}, "max_memory must be a finite number above 0, got '30MiB'"),
        ({"max_params": float("nan")}, "max_params must be a finite number above 0, got nan"),
        ({"space": 4}, "space must be a Space or its text, got 4"),
        ({"space": "dense-cnn(wm=1,d=3..6,t=*/*)", "depth": (3, 4)}, "contradict each other"),
        ({"space": "dense-cnn(wm=1,d=3..6,t=*/*)", "width": "1"}, "contradict each other"),
        ({"space": "dense-mlp(w=8,d=3..6,t=*)"}, "the space is of the family 'dense-mlp'"),
        ({"space": "dense-cnn(wm=2,d=3..6,t=*/*)"}, "masses compare at one width"),
        ({"width": "1..3"}, "the reference has wm=1: masses compare at one width"),
        (
            {"space": "dense-cnn(wm=1,d=3..6,t=*)", "match": "cells"},
            "the reference has 2 cells and networks of dense-cnn(wm=1,d=3..6,t=*) have 1",
        ),
        ({"latency": 3}, "latency must be a LatencyTable or its file, got 3"),
        ({"like": "mine:net"}, "mine"),
    ],
)
def test_bad_requests(arguments, message):
    with pytest.raises(SpecError) as caught:
        design(**{"like": SMALL, **arguments})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": "dense-cnn(wm=1,d=4,t=*)"}, "without a reference needs a mass"),
        ({"space": "dense-cnn(wm=1,d=4,t=*)", "objective": "mass"}, "needs a budget"),
        ({"space": "dense-cnn(wm=1,d=4,t=*)", "match": "cells", "mass": 3}, "there is none"),
        ({"space": "dense-cnn(wm=1..2,d=4,t=*)", "mass": 3}, "has others besides"),
        ({"family": "dense-cm", "mass": 3}, "unknown family 'dense-cm'"),
        ({"family": "vgg", "mass": 3}, "no skips"),
        ({"space": "vgg(depth=16)", "mass": 3}, "no skips"),
    ],
)
def test_bad_requests_without_a_reference(arguments, message):
    with pytest.raises(SpecError) as caught:
        design(**arguments)
    assert message in str(caught.value)


def test_a_family_and_a_mass_will_do():
    front = design("dense-cnn", mass=300, max_params=2e6)
    assert front.reference is None
    assert front.match == "network"
    assert front[0].mass >= 300
    assert str(front.space) == "dense-cnn(wm=2,d=6..13,t=*/*/*)"


def test_a_mass_shared_out_as_in_a_reference_without_any():
    with pytest.raises(SpecError) as caught:
        design(like="dense-cnn(wm=1,d=6,t=0/0)", mass=5, match="cells")
    assert str(caught.value) == (
        "match='cells' shares the mass 5 out as in the reference, but dense-cnn(wm=1,d=6,t=0/0) "
        "has mass 0; use match='network'"
    )
    assert design(like="dense-cnn(wm=1,d=6,t=0/0)", mass=0)[0].mass == 0


def test_other_images_are_noted():
    front = design(like=SMALL, space="dense-cnn(wm=1,d=3..6,t=*/*,image=16)", match="network")
    (note,) = [note for note in front.notes if "other fields" in note]
    assert "(image=16 for 32)" in note
    one = design(like=SMALL, space="dense-cnn(wm=1,d=3..8,t=*)", match="network", max_macs=math.inf)
    assert one[0].outside == ("1 cells, the reference has 2",)


def test_space_of_a_spec_may_be_given():
    space = Space.like(nnmass.parse(SMALL))
    assert design(like=SMALL, space=space) == design(like=SMALL)


def test_a_search_that_runs_out_of_work_says_so(monkeypatch):
    from nnmass.design import _problem

    space = "dense-cnn(wm=2,d=4..64/4..64/4..64/4..64,t=*/*/*/*)"
    monkeypatch.setattr(_problem, "MOST_JOINS", 30_000)
    asked = {"space": space, "mass": 9000.0, "max_macs": 3e10, "top": 1}
    front = design(**asked)
    assert not front.is_optimal
    assert front.to_dict()["is_optimal"] is False
    (note,) = [note for note in front.notes if "ran out of work" in note]
    proven = float(note.split("better than ")[1].split(". A")[0].replace(",", ""))
    assert 0.9 * front[0].params < proven < front[0].params
    assert front[0].mass >= 9000


def test_one_search_that_finds_nothing_leaves_the_others(monkeypatch):
    from nnmass.design import _problem
    from nnmass.errors import UnprovenError

    real, asked = _problem.Problem.solve, {"space": "dense-cnn(wm=1,d=3..6,t=*/*)", "mass": 40.0}
    whole = design(**asked)

    def tired(depth):
        def solve(problem):
            if problem.frame.name == f"d={depth}":
                raise UnprovenError("no work left")
            return real(problem)

        return solve

    depths = [candidate.spec.cells[0].depth for candidate in whole]
    monkeypatch.setattr(_problem.Problem, "solve", tired(depths[0]))
    rest = design(**asked)
    assert rest.candidates == whole.candidates[1:]
    assert not rest.is_optimal
    assert any("cannot be better than" in note for note in rest.notes)
    monkeypatch.setattr(_problem.Problem, "solve", tired(depths[-1]))
    assert design(**asked).is_optimal  # what it leaves open is dearer than the first
