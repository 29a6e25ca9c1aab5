"""Bands, and the copies that a patch can touch, against plain sets of pixels."""

from itertools import product
from math import ceil

import numpy as np
import pytest
import torch

from nnmass.audit import Ablation, encode, parse_ablation
from nnmass.errors import SpecError
from oracles.patch_votes import kept_pixels, touched_copies


def ablation(mode="column", size=2, image=(8, 8), **more):
    return Ablation(mode=mode, size=size, image=image, **more)


@pytest.mark.parametrize("mode", ["column", "row", "block", "both"])
@pytest.mark.parametrize(
    ("stride", "wrap"), [(1, True), (2, True), (3, True), (1, False), (2, False)]
)
def test_masks_and_touched_copies_are_those_of_plain_sets(mode, stride, wrap):
    for image, size in product([(4, 5), (5, 3)], (1, 2, 3)):
        bands = ablation(mode, size, image, stride=stride, wrap=wrap)
        kept = kept_pixels(bands)
        assert bands.n == len(kept) == len(bands.masks)
        for mask, pixels in zip(bands.masks, kept, strict=True):
            assert {tuple(map(int, place)) for place in np.argwhere(mask)} == pixels
        for patch in [(1, 1), (2, 3), (3, 1), image]:
            if patch[0] <= image[0] and patch[1] <= image[1]:
                found = [list(np.flatnonzero(row)) for row in bands.touched(patch)]
                assert found == touched_copies(bands, patch)


def test_closed_forms_of_stride_one():
    for width, height in product(range(1, 13), (5,)):
        for size in range(1, width + 1):
            for m in range(1, min(width, height) + 1):
                wrapped = ablation("column", size, (height, width))
                assert wrapped.n == width
                assert wrapped.reach((m, m)) == min(width, m + size - 1)
                cut = ablation("column", size, (height, width), wrap=False)
                assert cut.n == width - size + 1
                for r, row in enumerate(cut.touched((height, m))):
                    expected = min(r + m - 1, width - size) - max(0, r - size + 1) + 1
                    assert row.sum() == expected
                if size <= min(width, height):
                    block = ablation("block", size, (height, width))
                    rows, columns = min(height, m + size - 1), min(width, m + size - 1)
                    assert block.reach((m, m)) == rows * columns
                    both = ablation("both", size, (height, width))
                    assert both.reach((m, m)) == rows + columns


@pytest.mark.parametrize(
    ("width", "size", "stride", "m", "expected"),
    [
        (224, 19, 10, 23, 5), (224, 19, 10, 32, 6), (224, 19, 10, 39, 7), (224, 19, 5, 32, 11),
        (224, 19, 1, 32, 50), (299, 25, 1, 42, 66),
    ],
)  # fmt: skip
def test_measured_counts(width, size, stride, m, expected):
    assert ablation("column", size, (m, width), stride=stride).reach((m, m)) == expected


def test_the_published_count_is_too_small_where_the_stride_does_not_divide_the_width():
    bands = ablation("column", 19, (32, 224), stride=10)
    formula = ceil((32 + 19 - 1) / 10)
    by_place = bands.touched((32, 32)).sum(1)
    assert formula == 5
    worse = [r for r, count in enumerate(by_place) if count > formula]
    assert worse[:10] == [0, 1, 2, 3, 4, 9, 10, 11, 12, 13]
    assert all(ablation("column", 19, (32, 224), stride=d).reach((32, 32)) <= ceil(50 / d) + 1
               for d in range(1, 20))  # fmt: skip


@pytest.mark.parametrize("encoding", ["complement", "mask"])
def test_what_is_lost_differs_from_every_pixel(encoding):
    black = torch.zeros(1, 1, 8, 8)
    bands = ablation()
    seen = encode(black, bands, encoding=encoding)[0]
    mask = torch.from_numpy(bands.masks)
    assert torch.equal(seen[:, -1].bool(), mask)
    assert not seen.permute(0, 2, 3, 1)[~mask].any()
    assert black.eq(0).all()


def test_the_two_halves_sum_to_the_mask_and_a_band_goes_on_at_the_other_edge():
    image = torch.randint(0, 256, (2, 3, 8, 8)).float() / 255
    seen = encode(image, ablation(size=3))
    half = seen[:, :, :3] + seen[:, :, 3:]
    mask = torch.from_numpy(ablation(size=3).masks)[None, :, None]
    assert (half == mask).all()
    last = encode(image, ablation(size=3), [7])[0, 0, :3]
    assert torch.equal(last[..., [7, 0, 1]], image[0][..., [7, 0, 1]])
    assert not last[..., 2:7].any()
    whole = encode(image, ablation(size=8), [5])
    assert torch.equal(whole[:, 0, :3], image)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": 9}, "size must be at most 8, the width"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"mode": "colum"}, "Did you mean 'column'"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"stride": 9}, "stride must be at most 8"),
        ({"image": (8,)}, r"image must be \(height, width\)"),
        ({"image": (8, 0)}, "width of the image must be at least 1"),
        ({"image": (4, 8), "mode": "block", "size": 5}, "smaller side"),
        ({"size": 2.0}, "size must be a whole number"),
    ],
)
def test_ablations_that_are_none(wrong, words):
    with pytest.raises(SpecError, match=words):
        ablation(**wrong)


@pytest.mark.parametrize("patch", [(9, 1), (1, 9), (0, 1), (-1, 1), (1.5, 1), 3])
def test_patches_that_do_not_fit(patch):
    with pytest.raises(SpecError, match="patch"):
        ablation().touched(patch)


@pytest.mark.parametrize("text", ["column", "column:", "column:x", "4", "", None, "column:4:4"])
def test_texts_that_name_no_ablation(text):
    with pytest.raises(SpecError, match="MODE:PIXELS"):
        parse_ablation(text, (8, 8))


def test_encodings_and_positions_that_are_not_there():
    image = torch.zeros(1, 1, 8, 8)
    with pytest.raises(SpecError, match="positions must lie in 0"):
        encode(image, ablation(), [8])
    with pytest.raises(SpecError, match="Did you mean 'mask'"):
        encode(image, ablation(), encoding="masks")
    with pytest.raises(SpecError, match="images must be"):
        encode(torch.zeros(1, 1, 8, 9), ablation())
