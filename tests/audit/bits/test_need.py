"""The floor: greedy counts against all subsets of bits, and against flip sets of any kind."""

import pytest
import torch

from nnmass.audit import UNREACHABLE, LastLayer, flips_needed, floor_of
from nnmass.audit._bits._need import bit_values
from nnmass.errors import SpecError
from oracles.tiny_classifiers import all_bits, class_of, flipped, least_flips, random_layer


def test_what_each_flip_adds_to_a_weight():
    layer = random_layer(torch.Generator().manual_seed(0), features=5)
    values = bit_values(layer, 1)
    for feature in range(5):
        for bit in range(8):
            after = flipped(layer, [(1, feature, bit)])
            change = (int(after.codes[1, feature]) - int(layer.codes[1, feature])) * 0.1
            assert float(values[feature, bit]) == pytest.approx(change, rel=1e-5)


def test_the_greedy_count_is_the_least_of_all_subsets():
    draws = torch.Generator().manual_seed(1)
    seen = set()
    for number in range(60):
        layer = random_layer(draws, spread=8, scale=1.0 if number % 2 else 0.02)
        phi = torch.randn(3, generator=draws) * torch.tensor([1.0, number % 3 > 0, 1.0])
        bits = all_bits(0, 3)
        expected = least_flips(layer, phi, 0, bits, 2)
        found = int(flips_needed(layer, phi[None], 0)[0])
        if expected is None:
            assert found > 2
        else:
            assert found == expected
        seen.add(expected)
    assert {0, 1, 2, None} <= seen


def test_more_flips_are_counted_as_a_walk_through_all_subsets_of_few_bits_does():
    """With N = 1 the row has 8 bits, so all 256 sets of flips; small scales need many of them."""
    draws = torch.Generator().manual_seed(2)
    seen = set()
    for _ in range(80):
        layer = random_layer(draws, features=1, spread=100, scale=0.01)
        phi = torch.rand(1, generator=draws) * 4 - 1
        expected = least_flips(layer, phi, 0, all_bits(0, 1), 8)
        found = int(flips_needed(layer, phi[None], 0)[0])
        assert found == (UNREACHABLE if expected is None else expected)
        seen.add(expected)
    assert len(seen - {None}) >= 5
    assert None in seen


def test_the_layer_s_count_is_a_bound_of_all_subsets_and_exact_for_two_classes():
    draws = torch.Generator().manual_seed(3)
    below = 0
    for _ in range(20):
        layer = random_layer(draws, classes=3, features=1, spread=100, scale=0.008)
        phi = torch.rand(1, generator=draws) * 2
        bits = [bit for row in range(3) for bit in all_bits(row, 1)]
        expected = least_flips(layer, phi, 1, bits, 3)
        bound = int(flips_needed(layer, phi[None], 1, whole_layer=True)[0])
        row = int(flips_needed(layer, phi[None], 1)[0])
        assert bound <= row
        if expected is not None:
            assert bound <= expected
        below += bound < row
        two = LastLayer(codes=layer.codes[:2], scale=layer.scale[:2], bias=layer.bias[:2])
        pair = int(flips_needed(two, phi[None], 1, whole_layer=True)[0])
        exact = least_flips(two, phi, 1, [bit for bit in bits if bit[0] < 2], 4)
        assert pair == exact if exact is not None else pair > 4
    assert below


def random_flips_win_no_more_than_the_bound(n_models, n_sets, seed):
    draws = torch.Generator().manual_seed(seed)
    checked = 0
    for number in range(n_models):
        layer = random_layer(draws, classes=4, features=6, spread=60, scale=0.02)
        features = torch.randn(40, 6, generator=draws).abs() * 2
        needs = flips_needed(layer, features, 2)
        whole = flips_needed(layer, features, 2, whole_layer=True)
        assert bool((whole <= needs).all())
        for _ in range(n_sets):
            k = int(torch.randint(1, 9, (), generator=draws))
            rows = [2] if number % 2 else [0, 1, 2, 3]
            bits = {
                (
                    rows[int(torch.randint(len(rows), (), generator=draws))],
                    int(torch.randint(6, (), generator=draws)),
                    int(torch.randint(8, (), generator=draws)),
                )
                for _ in range(k)
            }
            won = flipped(layer, bits).logits(features).argmax(1) == 2
            bound = needs if number % 2 else whole
            assert bool((bound[won] <= len(bits)).all())
            share = float(won.double().mean())
            assert share <= float((bound <= len(bits)).double().mean()) + 1e-12
            if share > 0:
                floor = floor_of(bound, share)
                assert floor is not None
                assert floor <= len(bits)
            checked += len(features)
    return checked


def test_no_flip_set_beats_its_floor():
    assert random_flips_win_no_more_than_the_bound(10, 60, seed=4) > 20_000


@pytest.mark.slow
def test_no_flip_set_of_many_beats_its_floor():
    checked = random_flips_win_no_more_than_the_bound(200, 150, seed=5)
    print(f"{checked:,} images under random flip sets, none won with fewer than it needs")  # noqa: T201
    assert checked > 1_000_000


def test_three_copies_double_every_need():
    draws = torch.Generator().manual_seed(6)
    layer = random_layer(draws, features=8)
    features = torch.randn(50, 8, generator=draws)
    one, three, five = (flips_needed(layer, features, 0, copies=c) for c in (1, 3, 5))
    reachable = one < UNREACHABLE
    assert torch.equal(three[reachable], 2 * one[reachable])
    assert torch.equal(five[reachable], 3 * one[reachable])
    assert torch.equal(three[~reachable], one[~reachable])


def test_an_image_of_the_class_needs_nothing_and_dead_features_win_nothing():
    layer = LastLayer(
        codes=torch.tensor([[1, 1], [9, 9]], dtype=torch.int8),
        scale=torch.ones(2, 1),
        bias=torch.zeros(2),
    )
    features = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert flips_needed(layer, features, 0).tolist() == [0, 1, 0]
    assert flips_needed(layer, torch.zeros(1, 2), 1).tolist() == [0]  # a tie counts as won
    biased = LastLayer(codes=layer.codes, scale=layer.scale, bias=torch.tensor([0.0, 5.0]))
    assert flips_needed(biased, torch.zeros(1, 2), 0).tolist() == [UNREACHABLE]
    assert flips_needed(biased, torch.zeros(1, 2), 0, copies=3).tolist() == [UNREACHABLE]


def test_wide_layers_are_counted_in_full():
    """More flips than the first look has: the sum of a hundred small gains."""
    n = 200
    layer = LastLayer(
        codes=torch.zeros(2, n, dtype=torch.int8),
        scale=torch.ones(2, 1),
        bias=torch.tensor([0.0, 64 * 100 - 1.0]),
    )
    assert flips_needed(layer, torch.ones(1, n), 0).tolist() == [100]


@pytest.mark.parametrize(
    ("goal", "expected"), [(0.25, 0), (0.5, 1), (0.51, 3), (0.75, 3), (0.9, None), (1, None)]
)
def test_floors(goal, expected):
    assert floor_of(torch.tensor([3, 0, UNREACHABLE, 1]), goal) == expected


def test_bad_input():
    layer = random_layer(torch.Generator().manual_seed(0))
    for target in (-1, 3):
        with pytest.raises(SpecError, match="target must be a class in 0"):
            flips_needed(layer, torch.ones(1, 3), target)
    for copies in (0, 2):
        with pytest.raises(SpecError, match="copies must be 1 or an odd number"):
            flips_needed(layer, torch.ones(1, 3), 0, copies=copies)
    for needs, goal in ((torch.tensor([]), 0.5), (torch.tensor([1]), 0), (torch.tensor([1]), 1.1)):
        with pytest.raises(SpecError, match="a floor needs images"):
            floor_of(needs, goal)


def test_the_oracle_itself():
    layer = random_layer(torch.Generator().manual_seed(0))
    same = flipped(flipped(layer, [(0, 0, 7)]), [(0, 0, 7)])
    assert torch.equal(same.codes, layer.codes)
    assert class_of(layer, torch.zeros(3))[0] == int(layer.bias.argmax())
