import numpy as np
import pytest

from nnmass.data import ImageData, load_dataset, take, validation_split
from nnmass.errors import DataError


def parts(data):
    return (data.train_images, data.train_labels), (data.test_images, data.test_labels)


@pytest.mark.parametrize("n_segments", [2, 7, 20, 30, 120, 1200])
def test_segments_alternate_along_the_line(n_segments):
    data = load_dataset(f"segments({n_segments})")
    for (points, labels), count in zip(parts(data), (12_000, 1_200), strict=True):
        assert points.shape == (count, 2)
        assert points.dtype == np.float32
        assert points.flags.c_contiguous
        assert np.array_equal(points[:, 0], points[:, 1])
        in_order = np.argsort(points[:, 0], kind="stable")
        if 120 % n_segments == 0:  # then segments by index, as the paper has it, are the same
            by_index = np.arange(count) * n_segments // count % 2
            assert np.array_equal(labels[in_order], by_index)
        assert np.count_nonzero(np.diff(labels[in_order])) <= n_segments - 1


@pytest.mark.parametrize("kind", ["segments", "circles"])
def test_as_many_points_in_each_of_120_bins(kind):
    for points, _ in parts(load_dataset(f"{kind}(20)")):
        position = points[:, 0] if kind == "segments" else 2 * np.hypot(*(points - 0.5).T)
        counts = np.histogram(position, bins=120, range=(0, 1))[0]
        # float32 moves a point by 6e-8, which can carry one or two over an edge
        assert np.abs(counts - len(points) // 120).max() <= 1
        assert points.min() >= 0
        assert points.max() <= 1


@pytest.mark.parametrize("n_rings", [2, 10, 20, 33])
def test_rings_alternate(n_rings):
    for points, labels in parts(load_dataset(f"circles({n_rings})")):
        radius = 2 * np.hypot(*(points.astype(np.float64) - 0.5).T)
        is_clear = np.abs(radius * n_rings - np.round(radius * n_rings)) > 1e-4
        expected = np.floor(radius * n_rings).astype(int) % 2
        assert np.array_equal(labels[is_clear], expected[is_clear])
        assert is_clear.mean() > 0.99


def test_angles_are_uniform_and_radii_keep_to_the_middle_of_their_bins():
    points = load_dataset("circles(20)").train_images.astype(np.float64) - 0.5
    turned = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) + 0.5
    counts = np.histogram(turned, bins=12, range=(0, 1))[0]
    assert np.sum((counts - 1000) ** 2 / 1000) < 31.3  # chi squared, 11 degrees, p = 0.001
    within = 2 * np.hypot(*points.T) * 120 % 1
    # cut at one standard deviation (half a bin), a normal keeps 0.5396 of it
    assert abs(within.std() - 0.5 * 0.5396) < 0.005
    assert abs(within.mean() - 0.5) < 0.01


def test_range_and_noise():
    plain, far = load_dataset("circles(5)"), load_dataset("circles(5,range=100)")
    np.testing.assert_allclose(far.train_images, 100 * plain.train_images, rtol=1e-5)
    assert np.array_equal(far.train_labels, plain.train_labels)
    noisy = load_dataset("circles(5,range=100,noise=0.02)")
    assert np.array_equal(noisy.train_labels, plain.train_labels)
    moved = (noisy.train_images - far.train_images).astype(np.float64)
    assert abs(moved.std() - 2) < 0.05
    assert np.all(np.abs(moved.mean(0)) < 0.1)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.05


def test_one_name_one_content():
    again = [load_dataset("segments(20,seed=3)") for _ in range(2)]
    assert np.array_equal(again[0].train_images, again[1].train_images)
    other = load_dataset("segments(20,seed=4)")
    assert not np.array_equal(again[0].train_images, other.train_images)
    assert not np.isin(again[0].test_images[:, 0], again[0].train_images[:, 0]).any()
    # written down once: a change of these is a change of every result
    first = load_dataset("segments(20)")
    assert first.train_labels[:12].tolist() == FIRST_LABELS
    np.testing.assert_allclose(first.train_images[:3, 0], FIRST_POINTS, rtol=1e-6)


FIRST_LABELS = [1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0]
FIRST_POINTS = [0.088216916, 0.72861439, 0.3494541]


def test_subsets_take_points():
    part = take(load_dataset("segments(20)"), n_train=100, n_test=11)
    assert part.train_images.shape == (100, 2)
    assert np.bincount(part.train_labels).tolist() == [50, 50]
    train, val = validation_split(part.train_labels, n_val=10, seed=0)
    assert (len(train), len(val)) == (90, 10)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda points: points.astype(np.float64), "must be float32 of shape"),
        (lambda points: points[:, :1].copy(), r"of shape \(N, 2\), got float32 of \(12000, 1\)"),
        (lambda points: points * np.float32(np.nan), "must be finite numbers"),
    ],
)
def test_wrong_points(change, said):
    data = load_dataset("segments(20)")
    with pytest.raises(DataError, match=said):
        ImageData(
            info=data.info,
            train_images=change(data.train_images),
            train_labels=data.train_labels,
            test_images=data.test_images,
            test_labels=data.test_labels,
        )
