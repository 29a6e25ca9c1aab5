from __future__ import annotations

import random
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnmass import Cell, cell_mass, link_cap_for_mass
from nnmass.errors import BudgetError, SpecError
from nnmass.topology import cell_links, draw_links


def mass_by_layers(width: int, depth: int, cap: int) -> Fraction:
    """The definition, layer by layer."""
    links = possible = 0
    for layer in range(2, depth):
        candidates = width * (layer - 1)
        links += min(cap, candidates)
        possible += candidates
    return Fraction(links, possible) * width * depth


@st.composite
def cells(draw, *, widest: int = 64, deepest: int = 64) -> tuple[int, int, int]:
    width = draw(st.integers(1, widest))
    depth = draw(st.integers(3, deepest))
    return width, depth, draw(st.integers(0, width * (depth - 2) * 6 // 5 + 1))


@given(cells())
def test_scalar_is_the_sum_over_layers(cell):
    assert cell_mass(*cell) == float(mass_by_layers(*cell))


@given(st.lists(cells(), min_size=1, max_size=40))
def test_array_is_the_sum_over_layers(many):
    w, d, t = np.array(many).T
    expected = [float(mass_by_layers(*cell)) for cell in many]
    assert cell_mass(w, d, t).tolist() == expected  # bitwise: exact sums, one division


@given(st.lists(cells(), min_size=1, max_size=40))
def test_links_are_those_of_single_cells(many):
    w, d, t = np.array(many).T
    assert cell_links(w, d, t).tolist() == [Cell(*cell).links for cell in many]
    assert cell_links(w[:, None], d[:1], t[:1]).shape == (len(many), 1)


def test_three_thousand_cells_against_the_sum():
    rng = random.Random(5)
    many = []
    for _ in range(3000):
        w, d = rng.randint(1, 64), rng.randint(3, 64)
        many.append((w, d, rng.randint(0, int(1.2 * w * (d - 2)))))
    expected = np.array([float(mass_by_layers(*cell)) for cell in many])
    np.testing.assert_allclose(cell_mass(*np.array(many).T), expected, rtol=1e-12)


@pytest.mark.parametrize("cell", [(1, 3, 1), (4, 7, 5), (8, 16, 20), (5, 12, 50), (3, 20, 7)])
def test_mass_counts_the_links_that_are_drawn(cell):
    width, depth, _ = cell
    drawn = sum(len(set(layer.tolist())) for layer in draw_links(Cell(*cell), seed=1))
    every = sum(width * (layer - 1) for layer in range(2, depth))
    assert cell_mass(*cell) == pytest.approx(drawn / every * width * depth, rel=1e-14)


@given(st.integers(1, 200), st.integers(3, 500), st.data())
def test_narrow_caps_do_not_depend_on_the_width(width, depth, data):
    cap = data.draw(st.integers(0, width))
    assert cell_mass(width, depth, cap) == pytest.approx(2 * cap * depth / (depth - 1), rel=1e-14)


@given(st.integers(1, 12), st.integers(3, 20))
def test_non_decreasing_and_concave_in_the_cap(width, depth):
    limit = width * (depth - 2)
    curve = [mass_by_layers(width, depth, 0)]
    got = cell_mass(width, depth, np.arange(limit + 4))
    for cap in range(1, limit + 4):
        curve.append(mass_by_layers(width, depth, cap))
    np.testing.assert_allclose(got, np.array(curve, dtype=float), rtol=1e-13)
    steps = np.diff(got)
    assert (steps[:limit] > 0).all()
    assert (steps[limit:] == 0).all()
    assert (np.diff(steps) <= 1e-12).all()


# --- the inverse


@given(cells(widest=300, deepest=300))
def test_inverse_undoes_the_mass(cell):
    width, depth, cap = cell
    cap = min(cap, width * (depth - 2))  # beyond, the mass stands still
    found = link_cap_for_mass(width, depth, cell_mass(width, depth, cap))
    assert (found, type(found)) == (cap, int)


def test_inverse_undoes_the_mass_of_arrays():
    rng = np.random.default_rng(3)
    w, d = rng.integers(1, 600, 100_000), rng.integers(3, 300, 100_000)
    t = rng.integers(0, w * (d - 2) + 1)
    found = link_cap_for_mass(w, d, cell_mass(w, d, t))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, t)


@pytest.mark.parametrize(("width", "depth"), [(1, 3), (1, 9), (7, 3), (8, 16), (3, 40), (64, 12)])
def test_inverse_at_every_cap_and_kink(width, depth):
    caps = np.arange(width * (depth - 2) + 1)
    np.testing.assert_array_equal(
        link_cap_for_mass(width, depth, cell_mass(width, depth, caps)), caps
    )


@given(st.integers(1, 300), st.integers(3, 300), st.floats(0, 1))
def test_inverse_is_the_smallest_cap_that_reaches_it(width, depth, share):
    target = share * width * depth
    assume(target <= width * depth)
    cap = link_cap_for_mass(width, depth, target)
    assert cell_mass(width, depth, cap) >= target
    assert cap == 0 or cell_mass(width, depth, cap - 1) < target


@given(st.integers(1, 40), st.integers(3, 40), st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_inverse_of_arrays_is_that_of_scalars(width, depth, shares):
    targets = [share * width * depth for share in shares]
    found = link_cap_for_mass(width, depth, targets)
    assert found.tolist() == [link_cap_for_mass(width, depth, target) for target in targets]


def test_inverse_of_the_ends():
    assert link_cap_for_mass(8, 16, 0) == 0
    assert link_cap_for_mass(8, 16, -0.0) == 0
    assert link_cap_for_mass(8, 16, 5e-324) == 1
    assert link_cap_for_mass(8, 16, 128) == 112
    assert link_cap_for_mass(8, 16, np.nextafter(128, 0)) == 112
    assert link_cap_for_mass(8, 16, Cell(8, 16, 20).exact_mass) == 20


def test_inverse_broadcasts():
    found = link_cap_for_mass(np.array([[4], [8]]), [8, 16, 32], 17.0)
    assert found.shape == (2, 3)
    assert found[1, 1] == link_cap_for_mass(8, 16, 17.0)
    assert link_cap_for_mass(8, 16, []).shape == (0,)
    assert link_cap_for_mass(8, 16, np.float32(17)) == 8


# --- shapes and types

SHAPES = [
    ((), (), (5,)),
    ((3, 1), (1, 4), ()),
    ((2, 1, 3), (5, 1), (1,)),
    ((0,), (), ()),
    ((0, 3), (3,), ()),
    ((3, 0), (1, 1), (3, 1)),
    ((1,), (1,), (1,)),
    ((1, 1, 1, 1), (), (2, 1, 1, 1)),
]


@pytest.mark.parametrize("shapes", SHAPES)
def test_broadcasting(shapes):
    rng = np.random.default_rng(0)
    w = rng.integers(1, 9, shapes[0])
    d = rng.integers(3, 9, shapes[1])
    t = rng.integers(0, 40, shapes[2])
    got = cell_mass(w, d, t)
    assert got.dtype == np.float64
    assert got.shape == np.broadcast_shapes(*shapes)
    expected = [float(mass_by_layers(*map(int, one))) for one in np.broadcast(w, d, t)]
    assert got.ravel().tolist() == expected


def test_arrays_that_span_several_blocks():
    rng = np.random.default_rng(1)
    for shape in [(40_001,), (3, 20_011), (2, 3, 9_001), (1, 50_000), (50_000, 1), (5, 5, 5, 400)]:
        w, d = rng.integers(1, 30, shape), rng.integers(3, 30, shape)
        t = rng.integers(0, 900, shape)
        got = cell_mass(w, d, t)
        n = d - 2
        k = np.minimum(t // w, n)
        plain = 2 * d * (w * k * (k + 1) // 2 + t.clip(max=w * n) * (n - k)) / (n * (n + 1))
        np.testing.assert_array_equal(got, plain)


def test_strides_do_not_matter():
    w = np.arange(1, 13).reshape(3, 4)
    d = np.arange(3, 15).reshape(4, 3)
    t = np.arange(48).reshape(3, 16)
    views = (w[::-1, ::-1], d.T, t[:, ::4])
    copies = [np.ascontiguousarray(view) for view in views]
    np.testing.assert_array_equal(cell_mass(*views), cell_mass(*copies))
    readonly = np.broadcast_to(np.int16(8), (3, 4))
    np.testing.assert_array_equal(cell_mass(readonly, d.T, 1), cell_mass(8, d.T, 1))


INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_every_width_of_integer(dtype):
    # Products of these overflow the narrow types: 120 * 100 * 100.
    w, d, t = (np.array([120, 100], dtype), np.array([100, 3], dtype), np.array([127, 5], dtype))
    expected = [float(mass_by_layers(120, 100, 127)), float(mass_by_layers(100, 3, 5))]
    assert cell_mass(w, d, t).tolist() == expected
    assert cell_mass(w[0], d[0], t[0]) == expected[0]
    assert type(cell_mass(w[0], d[0], t[0])) is float
    assert link_cap_for_mass(w, d, expected).tolist() == [127, 5]


@pytest.mark.parametrize("cap", [2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("width", [1, 8])
def test_a_cap_near_the_end_of_64_bits_saturates(width, cap):
    assert cell_mass(width, 16, np.array([cap], np.uint64)).tolist() == [width * 16]
    assert cell_mass(width, 16, np.uint64(cap)) == width * 16
    assert cell_mass(width, 16, cap) == width * 16
    if cap < 2**63:
        assert cell_mass([width], 16, cap).tolist() == [width * 16]


def test_plain_numbers_have_no_limit():
    assert cell_mass(2**70, 16, 2**70) == pytest.approx(2 * 2**70 * 16 / 15, rel=1e-15)


def test_large_arrays_keep_full_precision():
    w, d, t = 2**30 - 1, 1000, 2**37 + 12345
    got = cell_mass(np.array([w]), d, t)[0]
    assert got == pytest.approx(float(mass_by_layers(w, d, t)), rel=1e-15)
    edge = [(2**40, 128, 3 * 2**40 - 1), (2**55, 3, 2**55 - 1), (1, 2**20, 12345)]
    for cell in edge:
        got = cell_mass(np.array([cell[0]]), *cell[1:])[0]
        assert got == pytest.approx(Cell(*cell).mass, rel=1e-15)


def test_inputs_stay_as_they_were():
    w, d, t = np.array([8, 9]), np.array([16, 5]), np.array([900, 3])
    before = [a.copy() for a in (w, d, t)]
    cell_mass(w, d, t)
    link_cap_for_mass(w, d, [1.0, 2.0])
    for array, old in zip((w, d, t), before, strict=True):
        np.testing.assert_array_equal(array, old)


def count_calls(function) -> int:
    """Python and C calls that ``function()`` makes."""
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("shape", [(100_000, 3), (3, 100_000), (300_000,), (100_000, 3, 1)])
def test_work_is_done_in_blocks_whatever_the_shape(shape):
    w = np.full(shape, 8)
    assert count_calls(lambda: cell_mass(w, 16, 9)) < 2000  # 300,000 if done row by row


# --- refusals

BAD = [
    ((0, 16, [1]), "width must be at least 1, got 0"),
    (([8, 0, -1], 16, 1), "width must be at least 1, got 0 at index 1"),
    ((8, [[3, 4], [5, 2]], 1), "depth must be at least 3, got 2 at index (1, 1)"),
    ((8, [16], -1), "link_cap must be at least 0, got -1"),
    ((8, 16, [1.0]), "link_cap must hold whole numbers of at least 0, got an array of float64"),
    ((8, 16, 1.5), "link_cap must hold whole numbers of at least 0, got 1.5"),
    (([True], 16, 1), "width must hold whole numbers of at least 1, got an array of bool"),
    ((8, 16, "t"), "link_cap must hold whole numbers of at least 0, got 't'"),
    ((8, ["16"], 1), "depth must hold whole numbers of at least 3, got an array of <U2"),
    (
        (8, np.zeros(0), 1),
        "depth must hold whole numbers of at least 3, got an array of float64",
    ),
    (
        ([8, 8], [16, 16, 16], 1),
        "the arrays must broadcast to one shape, got width (2,), depth (3,), link_cap ()",
    ),
    (
        ([2**50], 100, 1),
        "width and depth must keep 2 w d^3 < 2^62 (64-bit integers), got width 1125899906842624 "
        "and depth 100: use Cell(...).mass, which has no limit",
    ),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_mass_messages(values, message):
    with pytest.raises(SpecError) as caught:
        cell_mass(*values)
    assert str(caught.value) == message
    with pytest.raises(SpecError) as caught:
        cell_links(*values)
    assert str(caught.value) == message.replace("Cell(...).mass", "Cell(...).links")


def test_ragged_lists_are_refused():
    with pytest.raises(SpecError, match=r"^width must be one number or an array of one shape: "):
        cell_mass([[1, 2], [3]], 3, 1)


@pytest.mark.parametrize("flag", [True, np.True_, np.array(True)])
def test_booleans_are_not_numbers(flag):
    with pytest.raises(SpecError, match="whole number"):
        cell_mass(8, 16, flag)


MASSES = [
    (-1, "mass must be a number of at least 0, got -1.0"),
    (float("nan"), "mass must be a number of at least 0, got nan"),
    ([1, float("nan"), -2], "mass must be a number of at least 0, got nan at index 1"),
    ("17", "mass must hold numbers of at least 0, got '17'"),
    (["17"], "mass must hold numbers of at least 0, got an array of <U2"),
    (True, "mass must hold numbers of at least 0, got True"),
    (1j, "mass must hold numbers of at least 0, got 1j"),
]


@pytest.mark.parametrize(("mass", "message"), MASSES)
def test_wanted_masses_that_are_none(mass, message):
    with pytest.raises(SpecError) as caught:
        link_cap_for_mass(8, 16, mass)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("mass", "got"),
    [(129, "129.0"), (float("inf"), "inf"), ([1, 2, 128.5], "128.5 at index 2")],
)
def test_a_mass_that_no_cell_reaches(mass, got):
    with pytest.raises(BudgetError) as caught:
        link_cap_for_mass(8, 16, mass)
    assert str(caught.value) == (
        f"mass must be at most width * depth = 128, got {got}: a cell reaches that with every "
        "possible link; ask for less, or make it wider or deeper"
    )


@given(st.integers(1, 1000), st.integers(3, 1000))
def test_the_highest_mass_is_reached_and_no_more(width, depth):
    assert link_cap_for_mass(width, depth, width * depth) == width * (depth - 2)
    with pytest.raises(BudgetError):
        link_cap_for_mass(width, depth, np.nextafter(width * depth, np.inf))


def test_inverse_refuses_cells_beyond_64_bits():
    with pytest.raises(SpecError, match=r"2 w d\^3 < 2\^62"):
        link_cap_for_mass(2**62, 3, 5.0)
    with pytest.raises(SpecError, match=r"^the arrays must broadcast"):
        link_cap_for_mass(8, [16, 17], [1.0, 2.0, 3.0])


def test_kinks_lie_at_multiples_of_the_width():
    steps = np.diff(cell_mass(5, 9, np.arange(38)))
    bends = [cap for cap, (a, b) in enumerate(pairwise(steps), start=1) if a - b > 1e-9]
    assert bends == [5, 10, 15, 20, 25, 30, 35]
