"""Every worked value of the specification of NN-Mass, in tables."""

from __future__ import annotations

from fractions import Fraction

import pytest

from nnmass import Cell, MassRule, cell_mass, mean_singular_value, parse
from nnmass.specs import MobileNetV2
from nnmass.topology import network_mass

CELLS = [
    ((8, 16, 0), "0", 0.0),
    ((8, 16, 1), "32/15", 2.133333),
    ((8, 16, 8), "256/15", 17.066667),
    ((8, 16, 9), "400/21", 19.047619),
    ((8, 16, 20), "1408/35", 40.228571),
    ((8, 16, 100), "13184/105", 125.561905),
    ((8, 16, 112), "128", 128.0),
    ((8, 16, 113), "128", 128.0),
    ((8, 16, 5000), "128", 128.0),
    ((8, 20, 7), "280/19", 14.736842),
    ((8, 32, 12), "11392/465", 24.498925),
    ((8, 4, 20), "32", 32.0),
    ((30, 20, 16), "640/19", 33.684211),
    ((8, 3, 1), "3", 3.0),
]


@pytest.mark.parametrize(("cell", "exact", "rounded"), CELLS)
def test_cells(cell, exact, rounded):
    mass = Fraction(exact)
    assert Cell(*cell).exact_mass == mass
    assert Cell(*cell).mass == pytest.approx(float(mass), rel=1e-12, abs=0)
    assert cell_mass(*cell) == pytest.approx(float(mass), rel=1e-12, abs=0)
    assert cell_mass([cell[0]], *cell[1:])[0] == pytest.approx(float(mass), rel=1e-12, abs=0)
    assert round(cell_mass(*cell), 6) == rounded


def test_average_degree():
    degree = Cell(8, 16, 1).average_degree
    assert (degree.exact, degree.mean_fan_in) == (8.375, 9.0)
    assert degree.asymptotic == pytest.approx(9.0667, abs=5e-5)


MLPS = [
    ("dense-mlp(w=8,d=16,t=1,in=784,classes=10)", 7492, 14854, 7362),
    ("dense-mlp(w=8,d=16,t=20,in=2,classes=2)", 3042, 5962, 2920),
]


@pytest.mark.parametrize(("text", "params", "flops", "macs"), MLPS)
def test_mlp_counts(text, params, flops, macs):
    spec = parse(text)
    assert (spec.params, spec.macs) == (params, macs)
    assert spec.macs + spec.params == flops  # the released code counts 2 in out + out


MNIST = [(16, 1, 2.133, 7492), (32, 1, 2.065, 8772), (20, 3, 6.316, 8104), (32, 3, 6.194, 9256)]
MNIST += [(16, 8, 17.07, 8290), (24, 8, 16.70, 9378)]


@pytest.mark.parametrize(("depth", "cap", "mass", "params"), MNIST)
def test_mnist_configurations(depth, cap, mass, params):
    spec = parse(f"dense-mlp(w=8,d={depth},t={cap})")
    assert spec.params == params
    assert spec.mass == pytest.approx(mass, abs=6e-3)


CNNS = [
    ("8", 2, "10/20/30", 137.142857, 1_766_330, 257_183_744, 416_474, 60_477_440),
    ("8", 2, "10/20/40", 160.000000, 1_835_570, 261_607_424, 424_274, 60_968_960),
    ("13", 2, "40/80/125", 526.106061, 4_653_192, 706_260_992, 867_656, 128_684_032),
    ("10", 2, "40/80/125", 537.777778, 3_464_970, 522_899_456, 658_538, 97_325_056),
    ("21", 2, "40/80/125", 511.847368, 7_821_784, 1_195_225_088, 1_425_304, 212_307_968),
    ("13", 1, "20/40/60", 257.636364, 1_155_538, 175_777_792, 234_034, 33_888_256),
    ("13", 3, "60/120/190", 794.575758, 10_492_862, 1_591_449_600, 1_900_766, 284_387_328),
]


@pytest.mark.parametrize(("d", "wm", "t", "mass", "params", "macs", "dw_params", "dw_macs"), CNNS)
def test_dense_cnns(d, wm, t, mass, params, macs, dw_params, dw_macs):
    regular = parse(f"dense-cnn(wm={wm},d={d},t={t})")
    depthwise = parse(f"dense-cnn-dw(wm={wm},d={d},t={t})")
    assert round(regular.mass, 6) == round(depthwise.mass, 6) == mass
    assert (regular.params, regular.macs) == (params, macs)
    assert (depthwise.params, depthwise.macs) == (dw_params, dw_macs)


def test_the_row_of_the_authors_own_log():
    spec = parse("dense-cnn-dw(wm=2,d=13,t=40/80/125)")
    assert [round(cell.density, 8) for cell in spec.cells] == [0.20454545, 0.20454545, 0.16276042]
    assert round(spec.mass, 7) == 526.1060606
    assert spec.params == 867_656


def test_equal_mass_at_more_than_twice_the_parameters():
    thin, middle, deep = (parse(f"dense-cnn(wm=2,d={d},t=40/80/125)") for d in (10, 13, 21))
    assert max(thin.mass, middle.mass, deep.mass) / min(thin.mass, middle.mass, deep.mass) < 1.055
    assert round(deep.params / thin.params, 2) == 2.26


# Masses of resnet50 and deeper are multiples of 1/15.
ADDITIONS = [
    ("resnet(depth=18)", "3392", "2048"),
    ("resnet(depth=34)", "7104", "5760"),
    ("resnet(depth=50)", "9006.9333", "7509.3333"),
    ("resnet(depth=101)", "20612.2667", "19114.6667"),
    ("resnet(depth=152)", "30852.2667", "29354.6667"),
    ("resnext(depth=50,groups=32,width=4)", "10883.2", "9011.2"),
    ("wide-resnet(depth=50,widen=2)", "10883.2", "9011.2"),
    ("resnext(depth=101,groups=32,width=8)", "31008", "28672"),
    ("wide-resnet(depth=101,widen=2)", "24809.6", "22937.6"),
]


@pytest.mark.parametrize(("text", "released", "identity"), ADDITIONS)
def test_addition_skips(text, released, identity):
    spec = parse(text)
    masses = spec.mass, spec.mass_by(MassRule(count_projections=False))
    for mass, value in zip(masses, (released, identity), strict=True):
        exact = Fraction(round(Fraction(value) * 15), 15)
        assert abs(exact - Fraction(value)) <= Fraction(1, 20_000)
        assert mass == pytest.approx(float(exact), rel=1e-12)


MOBILENETS = [
    (0.35, 468, 1.677, 59.3),
    (0.5, 650, 1.969, 97.1),
    (0.75, 975, 2.636, 209.1),
    (1.0, 1287, 3.505, 300.8),
    (1.1, 1404, 4.074, 337.9),
    (1.2, 1560, 4.726, 465.0),
    (1.3, 1664, 5.387, 509.4),
    (1.4, 1807, 6.109, 582.2),
]


@pytest.mark.parametrize(("width", "mass", "params_m", "macs_m"), MOBILENETS)
def test_mobilenets(width, mass, params_m, macs_m):
    spec = MobileNetV2(width_multiplier=width)
    assert spec.mass == pytest.approx(mass, rel=1e-12)
    assert round(spec.params / 1e6, 3) == params_m
    assert round(spec.macs / 1e6, 1) == macs_m


COMPRESSED = "1:16:2:1/6:24:3:2/6:32:4:2/6:64:5:2/6:96:4:1/6:160:3:2/6:320:1:1"


def test_the_compressed_mobilenet_of_the_released_trainer():
    small = parse(f"mobilenet-v2(wm=1.1,rows={COMPRESSED})")
    large = parse("mobilenet-v2(wm=1.4)")
    assert (small.mass, small.params, round(small.macs / 1e6, 1)) == (1797, 4_304_504, 419.2)
    assert (large.mass, large.params, round(large.macs / 1e6, 1)) == (1807, 6_108_776, 582.2)
    assert round(100 * (small.params / large.params - 1), 1) == -29.5
    assert round(100 * (small.macs / large.macs - 1)) == -28
    # It repeats its ratio-1 row, so the released scoring of such a block matters.
    own = MassRule(ratio_one="own")
    assert small.mass_by(own) - small.mass == 16


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_plain_networks(depth):
    assert parse(f"vgg(depth={depth})").mass == 0
    assert network_mass(parse(f"vgg(depth={depth},stem=cifar)").cells) == 0


SINGULAR_VALUES = [
    (8, 2.4008, 3.7312, 4.6853, 6.1622),
    (16, 3.3953, 4.4463, 5.2767, 6.6260),
    (32, 4.8017, 5.6028, 6.2880, 7.4624),
    (64, 6.7906, 7.3848, 7.9235, 8.8926),
    (128, 9.6034, 10.0360, 10.4437, 11.2056),
    (256, 13.5812, 13.8924, 14.1930, 14.7697),
]


@pytest.mark.parametrize(("width", "m0", "m16", "m32", "m64"), SINGULAR_VALUES)
def test_random_matrices(width, m0, m16, m32, m64):
    got = [round(mean_singular_value(width, mass), 4) for mass in (0, 16, 32, 64)]
    assert got == [m0, m16, m32, m64]


def test_random_matrices_with_fan_in_scale():
    assert round(mean_singular_value(8, 0, init="fan-in"), 4) == 0.4901
    assert round(mean_singular_value(8, 1e9, init="fan-in"), 4) == 0.5774
