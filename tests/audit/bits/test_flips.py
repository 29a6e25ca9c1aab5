"""Bytes, bits, scales."""

import pytest
import torch

from nnmass.audit import count_flips, quantised_layer
from nnmass.audit._bits._flips import flip_mask, n_flips, with_flips
from nnmass.errors import SpecError

BYTES = torch.arange(-128, 128).to(torch.int8)


def plain_count(a, b):
    return sum(x != y for x, y in zip(f"{a & 0xFF:08b}", f"{b & 0xFF:08b}", strict=True))


def test_flips_of_all_pairs_of_bytes_are_those_of_their_texts():
    before, after = BYTES.repeat_interleave(256)[:, None], BYTES.repeat(256)[:, None]
    expected = [plain_count(int(a), int(b)) for a, b in zip(before, after, strict=True)]
    assert n_flips(before, after).tolist() == expected
    found = count_flips(before, after)
    assert found.n_flips == sum(expected)
    assert found.n_bytes == sum(e > 0 for e in expected)
    assert sum(found.by_bit) == found.n_flips
    assert 2 * found.n_to_one == found.n_flips  # every pair comes both ways


@pytest.mark.parametrize(
    ("a", "b", "flips"), [(-1, 0, 8), (127, -128, 8), (-127, 127, 7), (5, 5, 0), (0, -128, 1)]
)
def test_fixed_pairs(a, b, flips):
    before, after = (torch.tensor([[x]], dtype=torch.int8) for x in (a, b))
    found = count_flips(before, after)
    assert found.n_flips == flips
    assert found.n_to_one == bin((b & 0xFF) & ~(a & 0xFF)).count("1")
    assert torch.equal(with_flips(before, flip_mask(before, after)), after)
    assert torch.equal(with_flips(after, flip_mask(before, after)), before)


def test_rows_and_pages():
    before = torch.zeros(3, 4096, dtype=torch.int8)
    after = before.clone()
    after[0, 0], after[2, 4095], after[2, 0] = 1, -1, 3
    found = count_flips(before, after)
    assert (found.n_flips, found.n_bytes, found.n_rows, found.n_pages) == (11, 3, 2, 2)
    assert found.most_in_page == 10
    assert found.by_bit == (3, 2, 1, 1, 1, 1, 1, 1)
    assert found.to_dict()["by_bit"] == [3, 2, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("per_row", [False, True])
def test_the_quantiser(per_row):
    weights = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    layer = quantised_layer(weights, per_row=per_row)
    assert int(layer.codes.min()) >= -127
    assert int(layer.codes.abs().max()) == 127
    assert float((layer.weights - weights).abs().max()) <= float(layer.scale.max()) / 2 + 1e-7
    again = quantised_layer(layer.weights, per_row=per_row)
    assert torch.equal(again.codes, layer.codes)
    assert torch.allclose(again.weights, layer.weights, rtol=1e-6)


def test_halves_go_to_even_and_zeros_have_a_scale():
    layer = quantised_layer(torch.tensor([[0.5, 1.5, 2.5, -0.5, 127.0]]))
    assert layer.codes.tolist() == [[0, 2, 2, 0, 127]]
    empty = quantised_layer(torch.zeros(2, 3))
    assert empty.scale.tolist() == [[1.0], [1.0]]
    assert not empty.codes.any()
    with pytest.raises(SpecError, match="finite numbers"):
        quantised_layer(torch.tensor([[float("nan")]]))
