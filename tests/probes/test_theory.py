"""Weights beside the law: against explicit matrices, closed forms and what specs say."""

import itertools
import json
import math
import random

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import ProbeError, SpecError
from nnmass.probes import _weight_matrix as weight_matrix_module
from nnmass.probes import isometry_theory
from nnmass.probes._theory import distance
from nnmass.probes._theory_result import bin_edges
from nnmass.probes._weight_matrix import weight_matrix
from nnmass.topology import SingularValueLaw, marchenko_pastur_root


def whole_matrix(layer: nn.Module, side: int) -> np.ndarray:
    """The matrix of a convolution with circular padding, output place by output place."""
    weight = layer.weight.detach().double().numpy()
    n_out, n_in, *kernel = weight.shape
    dims = len(kernel)
    outputs = list(itertools.product(range(side), repeat=dims))
    sides = [side * stride for stride in layer.stride]
    inputs = list(itertools.product(*(range(size) for size in sides)))
    where = {place: index for index, place in enumerate(inputs)}
    matrix = np.zeros((n_out, len(outputs), n_in * layer.groups, len(inputs)))
    per_group = n_out // layer.groups
    for index, place in enumerate(outputs):
        for taps in itertools.product(*(range(size) for size in kernel)):
            source = tuple(
                (p * s + t * d) % size
                for p, s, t, d, size in zip(
                    place, layer.stride, taps, layer.dilation, sides, strict=True
                )
            )
            for out in range(n_out):
                first = out // per_group * n_in
                matrix[out, index, first : first + n_in, where[source]] += weight[out, :, *taps]
    return matrix.reshape(n_out * len(outputs), -1)


CONVOLUTIONS = {
    "1d": lambda: nn.Conv1d(3, 4, 3),
    "1d, long kernel": lambda: nn.Conv1d(2, 3, 11),
    "1d, stride beyond the kernel": lambda: nn.Conv1d(3, 5, 2, stride=3),
    "2d": lambda: nn.Conv2d(3, 5, 3, padding=1),
    "2d, stride": lambda: nn.Conv2d(2, 3, 3, stride=2),
    "2d, uneven": lambda: nn.Conv2d(2, 3, (1, 3), stride=(2, 1), dilation=(1, 2)),
    "2d, groups": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "2d, depthwise, stride": lambda: nn.Conv2d(4, 4, 3, stride=2, groups=4),
    "2d, stride and dilation": lambda: nn.Conv2d(2, 3, 2, stride=2, dilation=2),
    "2d, patches": lambda: nn.Conv2d(2, 9, 2, stride=2),
    "2d, 1x1": lambda: nn.Conv2d(5, 3, 1),
    "3d": lambda: nn.Conv3d(2, 2, 2),
}


@pytest.mark.parametrize("make", CONVOLUTIONS.values(), ids=CONVOLUTIONS.keys())
@pytest.mark.parametrize("side", [4, 2])
def test_a_convolution_is_its_whole_matrix(make, side, monkeypatch):
    torch.manual_seed(1)
    layer = make()
    monkeypatch.setattr(weight_matrix_module, "FREQUENCIES", side)
    got = weight_matrix(layer)
    want = np.sort(np.linalg.svd(whole_matrix(layer, side), compute_uv=False))
    n = side ** len(layer.kernel_size)
    # Inputs that no output reads are left out, and with them values of zero.
    n_values = got.n_matrices * min(got.rows, got.columns)
    if got.grid == (1,) * len(layer.kernel_size):
        n_values *= n
    assert want[: len(want) - n_values] == pytest.approx(0, abs=1e-9)
    # Each kept value stands for as many of the whole matrix as its share says.
    times = np.rint(got.shares * n_values).astype(int)
    assert np.repeat(got.values, times) == pytest.approx(want[-n_values:], abs=1e-9)
    assert got.shares.sum() == pytest.approx(1, rel=1e-12)
    if got.grid != (1,) * len(layer.kernel_size):
        assert got.n_matrices == n * layer.groups
    assert got.values.tolist() == sorted(got.values.tolist())
    reach = max(d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    if reach >= side:  # the kernel goes around the map and meets itself
        return
    # The mean square of all values is the sum of squares of all weights, place by place.
    square = float(got.values**2 @ got.shares) * min(got.rows, got.columns)
    weight = layer.weight.detach().double()
    assert square == pytest.approx(float((weight**2).sum()) / layer.groups, rel=1e-9)


def test_entry_spread_of_a_convolution():
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 8, 3)
    assert weight_matrix(layer).entry_std == pytest.approx(
        3 * float(layer.weight.detach().std()), rel=1e-6
    )
    assert weight_matrix(layer).is_even
    strided = weight_matrix(nn.Conv2d(8, 8, 3, stride=2))
    assert not strided.is_even
    assert (strided.rows, strided.columns) == (8, 32)
    patch = nn.Conv2d(3, 8, 4, stride=4)  # is a linear layer of 48 inputs
    got = weight_matrix(patch)
    assert (got.rows, got.columns, got.n_matrices) == (8, 48, 1)
    assert got.is_even
    assert got.entry_std == pytest.approx(float(patch.weight.detach().std()), rel=1e-6)


def test_large_convolutions_take_fewer_frequencies():
    small, large = nn.Conv2d(8, 8, 3), nn.Conv2d(200, 200, 3)
    assert weight_matrix(small).grid == (16, 16)
    got = weight_matrix(large)
    assert got.grid == (8, 8)
    assert got.values @ got.shares == pytest.approx(got.law.mean, rel=0.01)


def test_a_linear_layer_is_its_svd():
    torch.manual_seed(0)
    layer = nn.Linear(12, 5)
    got = weight_matrix(layer)
    want = np.linalg.svd(layer.weight.detach().double().numpy(), compute_uv=False)
    assert got.values == pytest.approx(want[::-1], rel=1e-12)
    assert (got.kind, got.rows, got.columns, got.n_matrices, got.grid) == ("linear", 5, 12, 1, ())


def test_spread_of_one_layer_by_its_svd():
    layer = nn.Linear(12, 7)
    values = np.linalg.svd(layer.weight.detach().double().numpy(), compute_uv=False)
    found = isometry_theory(layer).layers[0].measured
    assert found.mean == pytest.approx(values.mean())
    assert found.std == pytest.approx(values.std())
    want = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), method="hazen")
    assert found.quantiles == pytest.approx(want)


def test_distance_by_brute_force():
    law = SingularValueLaw(8, 12, std=1.0)
    rng = np.random.default_rng(0)
    values = np.sort(rng.uniform(*law.support, 30))
    shares = rng.dirichlet(np.ones(30))
    grid = np.concatenate([values, values - 1e-12])  # at the steps, from both sides
    empirical = np.array([shares[values <= x].sum() for x in grid])
    brute = np.abs(empirical - law.distribution(grid)).max()
    assert distance(values, shares, law) == pytest.approx(brute, abs=1e-9)


def test_large_random_layers_follow_the_law():
    theory = isometry_theory(lambda: nn.Linear(300, 200), seeds=3)
    (layer,) = theory.layers
    assert layer.entry_std == pytest.approx(1 / math.sqrt(3 * 300), rel=0.01)
    assert layer.distance < 0.01
    assert layer.measured.mean == pytest.approx(layer.predicted.mean, rel=0.005)
    assert layer.measured.std == pytest.approx(layer.predicted.std, rel=0.02)
    near = 0.01 * layer.predicted.mean
    assert layer.measured.quantiles == pytest.approx(layer.predicted.quantiles, abs=near)
    assert sum(layer.histogram) == pytest.approx(1, abs=1e-9)
    assert layer.measured.mean == pytest.approx(np.mean(layer.means), rel=1e-12)
    # At PyTorch's own start the scale cancels: f(q) / sqrt(3).
    assert layer.predicted.mean == pytest.approx(
        marchenko_pastur_root(2 / 3) / math.sqrt(3), rel=0.01
    )


def test_histogram_counts_what_lies_in_its_bins():
    theory = isometry_theory(nn.Linear(6, 4), seeds=None)
    (layer,) = theory.layers
    law = SingularValueLaw(4, 6, layer.entry_std)
    assert bin_edges(4, 6)[0] < law.support[0] / law.scale
    assert bin_edges(4, 6)[-1] > law.support[1] / law.scale
    torch.manual_seed(0)
    linear = nn.Linear(6, 4)
    with torch.no_grad():
        linear.weight[0] += 40  # a value far outside every bin
    (outlier,) = isometry_theory(linear).layers
    assert sum(outlier.histogram) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("dense-mlp(w=4,d=6,t=6,in=12,classes=3)", [["layers.2", "layers.3", "layers.4"]]),
        ("dense-mlp(w=4,d=3,t=6,in=12,classes=3)", [[]]),
        (
            "dense-cnn(wm=1,d=4,t=8/20,image=8)",
            [[f"cells.{c}.layers.{i}.conv" for i in (2, 3)] for c in (0, 1)],
        ),
        (
            "dense-cnn-dw(wm=1,d=4,t=8/20,image=8)",
            [[f"cells.{c}.layers.{i}.conv.expand" for i in (2, 3)] for c in (0, 1)],
        ),
    ],
)
def test_cells(text, paths):
    theory = isometry_theory(text, seeds=3)
    spec = nnmass.parse(text)
    assert [cell.cell for cell in theory.cells] == list(spec.cells)
    assert [list(cell.paths) for cell in theory.cells] == paths
    for index, cell in enumerate(theory.cells):
        width, mass = cell.cell.width, cell.cell.mass
        fan_in = marchenko_pastur_root(width / (width + mass / 2)) / math.sqrt(3)
        assert cell.predicted_fan_in == pytest.approx(fan_in, rel=1e-12)
        unit = fan_in * math.sqrt(3 * (width + mass / 2))
        assert cell.predicted_unit == pytest.approx(unit, rel=1e-12)
        assert cell.cell.average_degree.asymptotic == width + mass / 2
        if not cell.paths:
            assert cell.mean is cell.interval is cell.unit_mean is cell.unit_interval is None
            assert cell.means == (None, None, None)
            continue
        want, want_unit = [], []
        for seed in range(3):
            net = nnmass.build(spec, seed=seed)
            matrices = [weight_matrix(net.get_submodule(path)) for path in cell.paths]
            assert all(m.rows == width for m in matrices)
            want.append(np.mean([m.values @ m.shares for m in matrices]))
            want_unit.append(np.mean([m.values @ m.shares / m.entry_std for m in matrices]))
        assert cell.means == pytest.approx(want, rel=1e-9)
        assert cell.unit_means == pytest.approx(want_unit, rel=1e-9)
        low, high = cell.interval
        half = 4.30265 * np.std(want, ddof=1) / math.sqrt(3)
        assert (low, high) == pytest.approx((np.mean(want) - half, np.mean(want) + half), rel=1e-5)
        assert cell.to_dict()["index"] == index


def test_cells_of_other_networks_are_not_made_up():
    assert isometry_theory("resnet(depth=8,image=16)", seeds=1).cells == ()


def test_measured_means_are_near_the_prediction():
    cell = isometry_theory("dense-mlp(w=32,d=12,t=20,in=10)", seeds=3).cells[0]
    assert cell.mean == pytest.approx(cell.predicted_fan_in, rel=0.01)
    assert cell.unit_mean == pytest.approx(cell.predicted_unit, rel=0.03)


def states(model):
    numbers = np.random.get_state()  # noqa: NPY002
    return (
        {key: value.clone() for key, value in model.state_dict().items()},
        [module.training for module in model.modules()],
        [id(p) for p in model.parameters()],
        [p.requires_grad for p in model.parameters()],
        random.getstate(),
        numbers[1].tolist(),
        torch.get_rng_state().tolist(),
    )


def test_nothing_is_changed():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.utils.parametrizations.spectral_norm(nn.Linear(8, 4)),
    )
    model[1].train()
    model[0].eval()
    model[0].weight.requires_grad_(False)
    before = states(model)
    theory = isometry_theory(model)
    after = states(model)
    assert before[0].keys() == after[0].keys()
    assert all(torch.equal(before[0][key], after[0][key]) for key in before[0])
    assert before[1:] == after[1:]
    assert [layer.path for layer in theory.layers] == ["0", "2"]
    assert theory.left_out == ()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        before = torch.get_rng_state()
        isometry_theory("dense-mlp(w=4,d=4,t=1,in=6)", seeds=2)
        assert torch.equal(torch.get_rng_state(), before)


def test_what_the_result_says():
    told = []
    theory = isometry_theory("dense-mlp(w=4,d=5,t=2,in=6)", seeds=[7, 3], on_draw=told.append)
    assert told == [7, 3]
    assert theory.seeds == (7, 3)
    assert theory.network == "dense-mlp(w=4,d=5,t=2,in=6)"
    data = json.loads(json.dumps(theory.to_dict(), allow_nan=False))
    assert data["caveat"].startswith("The near-linear growth")
    assert "0.490" in data["caveat"] and "0.577" in data["caveat"]
    assert data["cells"][0]["predicted"]["fan_in"] == theory.cells[0].predicted_fan_in
    assert len(data["layers"]) == 5 and data["layers"][0]["entry_std"] > 0
    one = isometry_theory(nnmass.build("dense-mlp(w=4,d=5,t=2,in=6)", seed=7))
    assert one.seeds == (None,)
    assert one.layers[2].means == theory.layers[2].means[:1]
    assert one.cells[0].interval is None


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5, 4)
        self.up = nn.ConvTranspose2d(4, 2, 2)
        self.head = nn.Linear(4, 3)
        self.norm = nn.LayerNorm(4)


def test_what_is_left_out_is_said():
    theory = isometry_theory(Mixed)
    assert [layer.path for layer in theory.layers] == ["head"]
    assert theory.left_out == ("words.weight", "up.weight")


def spoilt(kind):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    with torch.no_grad():
        if kind == "nan":
            model[1].weight[0, 0] = math.nan
        elif kind == "infinite":
            model[1].weight[:] = math.inf
        elif kind == "large":
            model.double()[1].weight.fill_diagonal_(1e200)
        elif kind == "zero":
            model[1].weight.zero_()
        elif kind == "complex":
            model[1] = nn.Linear(4, 4, dtype=torch.complex64)
        elif kind == "one":
            model[1] = nn.Linear(1, 1)
    return model


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("nan", "1 of its 16 weights are NaN or infinite"),
        ("infinite", "16 of its 16 weights are NaN or infinite"),
        ("large", "its weights are too large (up to 1e+200)"),
        ("zero", "all its weights are equal, and the law is one of random entries"),
        ("complex", "its weights are torch.complex64, and only real ones are known here"),
        ("one", "all its weights are equal, and the law is one of random entries"),
    ],
)
def test_a_layer_without_numbers_has_a_reason(kind, reason):
    theory = isometry_theory(spoilt(kind))
    good, bad = theory.layers
    assert good.measured is not None and not good.reason
    assert bad.reason == reason
    assert bad.measured is bad.predicted is bad.distance is bad.histogram is bad.entry_std is None
    assert bad.means == (None,)
    assert theory.failures == (f"1: {reason}",)
    json.dumps(theory.to_dict(), allow_nan=False)


def test_a_layer_that_fails_once_has_no_mean():
    seeds = iter(range(10))

    def make():
        model = nn.Sequential(nn.Linear(4, 4))
        if next(seeds) == 1:
            nn.init.zeros_(model[0].weight)
        return model

    (layer,) = isometry_theory(make, seeds=3).layers
    assert layer.measured is None
    assert layer.entry_std is None
    assert [mean is None for mean in layer.means] == [False, True, False]


def test_a_layer_of_no_rows(recwarn):
    (layer,) = isometry_theory(nn.Sequential(nn.Conv2d(2, 2, 1))).layers
    assert layer.measured
    empty = nn.Linear(0, 3)  # torch itself warns
    (layer,) = isometry_theory(empty).layers
    assert layer.reason == "it has no weights (shape (3, 0))"


def another():
    sizes = itertools.count(4)
    return lambda: nn.Sequential(nn.Linear(next(sizes), 4))


def more_layers():
    counts = itertools.count(1)
    return lambda: nn.Sequential(*(nn.Linear(4, 4) for _ in range(next(counts))))


@pytest.mark.parametrize(
    ("network", "options", "error", "message"),
    [
        (
            nn.ReLU(),
            {},
            ProbeError,
            r"ReLU has no nn\.Linear, nn\.Conv1d, nn\.Conv2d or nn\.Conv3d",
        ),
        (nn.Linear(2, 2), {"seeds": 3}, ProbeError, "a Linear has its weights already"),
        (3, {}, ProbeError, "a network must be a torch.nn.Module, a spec, the name"),
        ("dense-mlp(w=4,d=5,t=2)", {"seeds": 0}, SpecError, "seeds must be at least 1, got 0"),
        ("dense-mlp(w=4,d=5,t=2)", {"seeds": [1, 1]}, ProbeError, "seeds must be at least one"),
        ("dense-mlp(w=4,d=5,t=2)", {"seeds": []}, ProbeError, "seeds must be at least one"),
        ("no such net", {}, SpecError, "names no network"),
        (lambda: 3, {}, ProbeError, r"must return a torch\.nn\.Module, got 3"),
        (nn.LazyLinear(3), {}, ProbeError, "LazyLinear: weight has no shape, and"),
        (nn.Linear(2, 2, device="meta"), {}, ProbeError, "weight has no values"),
        (
            another(),
            {},
            ProbeError,
            r"seed 1 gave another network than the first: 0 of shape \(4, 5\)",
        ),
        (more_layers(), {}, ProbeError, "seed 1 gave another network than the first: 2 layers"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_bad_inputs(network, options, error, message):
    with pytest.raises(error, match=message):
        isometry_theory(network, **options)
