from __future__ import annotations

import json
import math

import pytest

import nnmass
from nnmass.data import load_dataset, take
from nnmass.design import Candidate, design
from nnmass.errors import SpecError
from nnmass.runs import RunRecord
from nnmass.studies import Arm, ArmResult, EqualMassResult, plan_equal_mass, run_equal_mass
from nnmass.train import Recipe, train

REFERENCES = [
    "dense-cnn(wm=1,d=6,t=10/10,in=1,image=8)",
    "dense-cnn(wm=2,d=21,t=40/80/125)",
    "dense-cnn-dw(wm=1,d=13,t=20/30/40)",
    "dense-mlp(w=16,d=20,t=12,in=64)",
    "dense-cnn(wm=1,d=9,t=0/30)",
]

# --- the plan


@pytest.mark.parametrize("text", REFERENCES)
def test_the_designed_network_keeps_the_mass_of_every_cell(text):
    reference, designed, control = plan_equal_mass(text)
    assert [arm.role for arm in (reference, designed, control)] == [
        "reference",
        "designed",
        "control",
    ]
    spec = nnmass.parse(text)
    assert reference.candidate == Candidate.of(spec)
    pairs = list(zip(spec.cells, designed.candidate.spec.cells, strict=True))
    assert all(now.exact_mass >= was.exact_mass for was, now in pairs)
    # no more than a link too many in any cell
    assert all(now.exact_mass < was.exact_mass + 2 * now.depth for was, now in pairs)
    assert designed.candidate.params < reference.candidate.params
    assert plan_equal_mass(spec) == (reference, designed, control)


@pytest.mark.parametrize("text", REFERENCES)
def test_the_control_has_little_mass_and_the_nearest_size(text):
    reference, designed, control = (arm.candidate for arm in plan_equal_mass(text))
    low, high = 0.08 * reference.mass, 0.08 * reference.mass
    links = sum(2 * cell.depth for cell in control.spec.cells)  # one step of a cap in each cell
    assert low <= control.mass * (1 + 1e-12)
    assert control.mass < high + links
    deepest = max(cell.depth for cell in reference.spec.cells)
    distances = {}
    for depth in range(max(3, deepest // 2), deepest + 1):
        (rival,) = design(like=text, mass=low, depth=(depth, depth), match="cells")
        distances[depth] = abs(rival.params - designed.params)
    assert distances[control.spec.cells[0].depth] == min(distances.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dense-cnn(wm=1,d=6,t=0/0)", "dense-cnn(wm=1,d=6,t=0/0) has mass 0"),
        ("resnet(depth=18)", "a family with link caps (dense-mlp, dense-cnn, dense-cnn-dw)"),
        ("vgg(depth=16)", "got 'vgg'"),
        ("dense-cnn(wm=1)", "d is missing"),
        ("nonsense", "nonsense"),
        (None, "dense-cnn-dw), got None"),
    ],
)
def test_what_cannot_be_planned(text, words):
    with pytest.raises(SpecError) as caught:
        plan_equal_mass(text)
    assert words in str(caught.value)


# --- trainings


@pytest.fixture(scope="module")
def tiny():
    return take(load_dataset("digits"), n_train=200, n_test=50)


RECIPE = Recipe(epochs=1, batch_size=50)


@pytest.fixture(scope="module")
def study(tiny):
    told = []
    arms = plan_equal_mass(REFERENCES[0])
    result = run_equal_mass(
        arms, tiny, recipe=RECIPE, n_seeds=2, on_step=lambda *what: told.append(what)
    )
    return arms, result, told


def test_every_network_is_trained_with_every_seed(study, tiny):
    arms, result, told = study
    assert [arm.arm for arm in result.arms] == list(arms)
    assert (result.reference, result.designed, result.control) == result.arms
    for arm in result.arms:
        assert [record.seed for record in arm.records] == [0, 1]
        assert {record.spec for record in arm.records} == {str(arm.arm.candidate.spec)}
        assert [len(curve) for curve in arm.curves] == [1, 1]
        assert all(record.status == "finished" for record in arm.records)
    runs = list(dict.fromkeys((arm.role, seed) for arm, seed, _ in told))
    roles = ("reference", "designed", "control")
    assert runs == [(role, seed) for role in roles for seed in (0, 1)]
    alone = train(arms[1].candidate.spec, tiny, recipe=RECIPE, seed=1)
    assert result.designed.curves[1] == alone.curve
    assert result.designed.accuracies[1] == alone.record.test_accuracy


def test_the_outcome_as_json(study):
    _, result, _ = study
    values = json.loads(json.dumps(result.to_dict()))
    assert [network["role"] for network in values["networks"]] == [
        "reference",
        "designed",
        "control",
    ]
    for network, arm in zip(values["networks"], result.arms, strict=True):
        assert network["test_accuracy"] == list(arm.accuracies)
        assert network["seeds"] == [0, 1]
        assert nnmass.parse(network["spec"]).params == network["params"]
        a, b = arm.accuracies
        assert network["test_accuracy_mean"] == pytest.approx((a + b) / 2)
        assert network["test_accuracy_std"] == pytest.approx(abs(a - b) / math.sqrt(2))
    assert values["verdict"] == result.verdict()
    assert values["margin"] == 0.01


@pytest.mark.parametrize("n_seeds", [0, -1, 1.5, True, None])
def test_numbers_of_seeds(tiny, n_seeds):
    with pytest.raises(SpecError, match=r"^n_seeds must be "):
        run_equal_mass(plan_equal_mass(REFERENCES[0]), tiny, recipe=RECIPE, n_seeds=n_seeds)


@pytest.mark.parametrize(
    ("order", "got"),
    [([1, 0, 2], "designed, reference, control"), ([], "none"), ([0, 1], "reference, designed")],
)
def test_arms_are_checked_before_they_are_trained(tiny, order, got):
    arms = plan_equal_mass(REFERENCES[0])

    def never(*_):
        raise AssertionError("a network was trained")

    with pytest.raises(SpecError) as caught:
        run_equal_mass([arms[i] for i in order], tiny, recipe=RECIPE, on_step=never)
    assert str(caught.value) == (
        "arms must be reference, designed, control in this order, as plan_equal_mass gives them, "
        f"got {got}"
    )


def test_networks_that_do_not_fit(tiny):
    with pytest.raises(SpecError, match="add in=1,image=8 to the spec"):
        run_equal_mass(plan_equal_mass("dense-cnn(wm=1,d=6,t=9/9)"), tiny, recipe=RECIPE)


# --- the arithmetic and the words


def arm_result(role, accuracies, *, mass=100.0, params=1000, seconds=(1.0,)):
    candidate = Candidate(
        spec=nnmass.parse(REFERENCES[0]), mass=mass, params=params, macs=5, memory=7
    )
    records = tuple(
        RunRecord(
            spec="x", mass=mass, params=params, macs=5, dataset="digits", sizes={}, seed=seed,
            recipe={}, status="finished", epochs_done=1, test_accuracy=accuracy,
            train_seconds=seconds[seed % len(seconds)],
        )
        for seed, accuracy in enumerate(accuracies)
    )  # fmt: skip
    arm = Arm(role=role, candidate=candidate)
    return ArmResult(arm=arm, records=records, curves=((),) * len(records))


def outcome(reference, designed, control=(0.5, 0.5)):
    return EqualMassResult(
        reference=arm_result("reference", reference, params=2500),
        designed=arm_result("designed", designed, params=1000),
        control=arm_result("control", control, mass=8.0),
    )


def test_means_and_spreads_by_hand():
    arm = arm_result("designed", (0.9, 0.8, 0.97), seconds=(1.0, 2.0, 6.0))
    assert arm.accuracies == (0.9, 0.8, 0.97)
    assert arm.mean == pytest.approx(0.89)
    # deviations 0.01, -0.09, 0.08: squares 0.0146 over two
    assert arm.spread == pytest.approx(math.sqrt(0.0073))
    assert arm.seconds == 3.0
    assert arm_result("designed", (0.7,)).spread == 0.0


def test_standard_error_by_hand():
    result = outcome((0.90, 0.94), (0.80, 0.86, 0.92))
    # variances 0.0008 over two seeds and 0.0036 over three
    assert result.standard_error == pytest.approx(math.sqrt(0.0004 + 0.0012))
    assert result.difference == pytest.approx(-0.06)


WITH = (
    "with 2.5x fewer parameters. The control of about the smaller one's size and 8% of the mass: "
)


@pytest.mark.parametrize(
    ("reference", "designed", "claim", "gap"),
    [
        (
            (0.90, 0.92),
            (0.90, 0.91),
            "Equal mass gave equal accuracy: -0.5 points (standard error 1.1)",
            "-40.5",
        ),
        (
            (0.90, 0.92),
            (0.94, 0.96),
            "Equal mass did not give equal accuracy, it gave more: +4.0 points "
            "(standard error 1.4)",
            "-45.0",
        ),
        (
            (0.90, 0.92),
            (0.83, 0.85),
            "Equal mass did not give equal accuracy: -7.0 points (standard error 1.4)",
            "-34.0",
        ),
        (
            (0.90, 0.92),
            (0.88, 0.90),
            "Too few seeds to tell whether equal mass gave equal accuracy: -2.0 points "
            "(standard error 1.4)",
            "-39.0",
        ),
        (
            (0.90,),
            (0.80,),
            "Too few seeds to tell whether equal mass gave equal accuracy: -10.0 points "
            "(standard error unknown from one seed)",
            "-30.0",
        ),
        (
            (0.90,),
            (0.895,),
            "Equal mass gave equal accuracy: -0.5 points (standard error unknown from one seed)",
            "-39.5",
        ),
    ],
)
def test_verdicts(reference, designed, claim, gap):
    result = outcome(reference, designed)
    assert result.verdict() == f"{claim}, {WITH}{gap} points against the designed one."
    assert result.is_equal == claim.startswith("Equal mass gave equal")


@pytest.mark.parametrize(
    ("reference", "designed", "is_equal"),
    [
        (0.95, 0.96, True),
        (0.96, 0.95, True),  # 0.96 - 0.95 is more than 0.01 in floats
        (0.97, 0.98, True),
        (0.96, 0.9499, False),
        (0.9, 0.9101, False),
        (0.5, 0.5, True),
    ],
)
def test_exactly_one_point_is_equal(reference, designed, is_equal):
    assert outcome((reference,) * 2, (designed,) * 2).is_equal is is_equal


def test_any_outcome_is_json():
    for pair in ((0.0, 0.0), (1.0, 0.0), (0.3, 0.9)):
        values = outcome((pair[0],), (pair[1],)).to_dict()
        assert json.loads(json.dumps(values, allow_nan=False)) == values
