"""The predictor over families, on made networks, and the one that comes with the package."""

from __future__ import annotations

import math

import numpy as np
import pytest
from torch import nn

from nnmass import build, parse, trace
from nnmass.errors import SpecError
from nnmass.studies import NetworkPredictor, imagenet_predictor, network_features, spearman
from nnmass.studies._family_folds import quantile_over_families
from nnmass.studies._smooth_regression import LENGTH, NOISE, PLANE, SmoothRegression
from nnmass.studies._trees import grow_trees, predict_trees


def traced(text):
    spec = parse(text)
    return trace(build(spec), spec.input_shape)


@pytest.fixture(scope="module")
def topologies():
    names = ("vgg(depth=16)", "resnet(depth=18)", "resnet(depth=50)", "mobilenet-v2(wm=1)")
    return {name: traced(name) for name in names}


def test_features_of_a_network_worked_by_hand():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 4),
    )  # fmt: skip
    found = network_features(trace(model, (3, 8, 8)))
    macs = 16 * 27 * 8, 16 * 9 * 8, 32
    assert found["ln_macs"] == pytest.approx(math.log(sum(macs)))
    assert found["depthwise_share"] == pytest.approx(macs[1] / sum(macs))
    assert found["ln_activations"] == pytest.approx(math.log(1 + 128 + 128 + 4))
    assert found["ln_conv_params"] == pytest.approx(math.log(1 + 27 * 8 + 9 * 8))
    assert found["smooth_share"] == 0.5
    assert found["norms_per_layer"] == pytest.approx(1 / 3)
    assert found["ln_last_width"] == pytest.approx(math.log(8))
    assert (found["ln_mass"], found["has_skips"], found["density"]) == (0, 0, 0)


def test_all_features_are_finite_and_the_same(topologies):
    found = [network_features(topology) for topology in topologies.values()]
    assert len({tuple(one) for one in found}) == 1
    assert all(math.isfinite(value) for one in found for value in one.values())


def kernel_of(z, plane):
    n, p = z.shape
    gram = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            apart = ((z[i] - z[j]) ** 2).sum() / p
            trend = sum(z[i, k] * z[j, k] for k in plane) / len(plane)
            gram[i, j] = math.exp(-apart / (2 * LENGTH**2)) + PLANE * trend
    return gram


def test_smooth_regression_solves_its_equations():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(12, 3)), generator.normal(size=12)
    model = SmoothRegression.fit(x, y, on_plane=[0, 2])
    gram = kernel_of(np.clip((x - x.mean(0)) / x.std(0), -3, 3), [0, 2])
    inverse = np.linalg.inv(gram + NOISE * np.eye(12))
    np.testing.assert_allclose(
        model.predict(x), y.mean() + gram @ inverse @ (y - y.mean()), rtol=1e-9
    )
    variance = np.diag(gram - gram @ inverse @ gram) + NOISE
    np.testing.assert_allclose(model.deviation(x), y.std() * np.sqrt(variance), rtol=1e-9)


def test_smooth_regression_follows_the_trend_in_size_alone_where_no_row_is_near():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(60, 2))
    model = SmoothRegression.fit(x, x[:, 0] + np.sin(3 * x[:, 1]), on_plane=[0])
    inside, outside = np.array([[0.0, 0.0]]), np.array([[0.0, 3.0]])
    bigger = model.predict(np.array([[2.9, 3.0], [-2.9, 3.0]]))
    assert bigger[0] > bigger[1] + 3
    assert model.deviation(outside)[0] > 1.5 * model.deviation(inside)[0]


def test_trees_find_steps_and_stay_within_what_they_saw():
    x = np.random.default_rng(0).uniform(size=(200, 4))
    y = np.where(x[:, 2] > 0.5, 3.0, -1.0)
    trees = grow_trees(x, y, seed=1)
    assert np.abs(predict_trees(trees, x) - y).mean() < 0.2
    roots = {round(float(trees.threshold[root]), 9) for root in range(trees.n_trees)}
    assert len(roots) > trees.n_trees / 2  # the trees differ
    far = predict_trees(trees, 1e6 * np.ones((1, 4)))
    assert -1 <= far[0] <= 3


def test_a_tree_holds_the_means_of_its_rows():
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(40, 3)), generator.normal(size=40)
    trees = grow_trees(x, y, seed=2)
    for root in (0, 7):
        rows_of = {root: np.arange(40)}
        while rows_of:
            node, rows = rows_of.popitem()
            assert trees.value[node] == pytest.approx(y[rows].mean())
            if trees.feature[node] < 0:
                continue
            is_below = x[rows, trees.feature[node]] < trees.threshold[node]
            assert 2 <= is_below.sum() <= len(rows) - 2
            rows_of[trees.below[node]] = rows[is_below]
            rows_of[trees.below[node] + 1] = rows[~is_below]


def made(n_families=8, each=6):
    generator = np.random.default_rng(3)
    rows, accuracy, families = [], [], []
    for family in range(n_families):
        for _ in range(each):
            size, other = generator.uniform(10, 20), generator.normal()
            rows.append({"ln_macs": size, "ln_mass": other, "odd": generator.normal()})
            error = math.exp(-0.1 * size - 0.05 * other + 0.02 * generator.normal())
            accuracy.append(100 * (1 - error))
            families.append(f"family{family}")
    return rows, np.array(accuracy), families


def test_fit_predict_score_and_families_left_out():
    rows, accuracy, families = made()
    model = NetworkPredictor().fit(rows, accuracy, families=families)
    left = model.leave_families_out()
    assert spearman(left, accuracy) > 0.9
    assert model.score(rows, accuracy) > 0.9
    one = model.predict(rows[0])
    assert one.low < one.accuracy < one.high
    assert model.predict(rows[:1])[0] == pytest.approx(one.accuracy)
    assert not one.extrapolates
    assert model.predict({**rows[0], "ln_macs": 40.0}).extrapolates
    assert all(0.7 <= share <= 1 for share in model.held_out_coverage())
    # A family's own rows do not touch its predictions.
    changed = np.where(np.array(families) == "family2", 1.0, accuracy)
    again = NetworkPredictor().fit(rows, changed, families=families).leave_families_out()
    here = np.array(families) == "family2"
    np.testing.assert_allclose(again[here], left[here])


def test_it_is_made_again_from_its_rows():
    rows, accuracy, families = made()
    recipes = ["plain", "strong"] * (len(rows) // 2)
    model = NetworkPredictor().fit(rows, accuracy, families=families, recipes=recipes)
    again = NetworkPredictor.from_dict(model.to_dict())
    a, b = (m.predict(rows[1], recipe="strong") for m in (model, again))
    assert a.accuracy == pytest.approx(b.accuracy, abs=1e-3)
    assert a.low == pytest.approx(b.low, abs=1e-2)


def test_a_recipe_that_is_not_told_is_that_of_networks_like_it():
    rows, accuracy, families = made()
    recipes = ["strong" if row["odd"] > 0 else "plain" for row in rows]
    shift = np.array([8.0 if one == "strong" else 0.0 for one in recipes])
    model = NetworkPredictor().fit(rows, accuracy / 1.2 + shift, families=families, recipes=recipes)
    for odd, recipe in ((1.5, "strong"), (-1.5, "plain")):
        asked = {**rows[0], "odd": odd}
        untold, told = model.predict([asked])[0], model.predict([asked], recipe=recipe)[0]
        other = model.predict([asked], recipe="plain" if recipe == "strong" else "strong")[0]
        assert abs(untold - told) < abs(untold - other)
    left = [model.leave_families_out(is_recipe_told=told) for told in (True, False)]
    assert np.abs(left[0] - left[1]).max() > 0
    plain = NetworkPredictor().fit(rows, accuracy, families=families)
    assert plain.predict(rows[0], recipe="strong") == plain.predict(rows[0])


def test_intervals_of_families_left_out_hold_and_grow_with_distance():
    rows, accuracy, families = made(n_families=30, each=4)
    model = NetworkPredictor().fit(rows, accuracy, families=families)
    low, high = model.held_out_intervals(0.8)
    inside = (low <= accuracy) & (accuracy <= high)
    assert model.held_out_coverage(0.8)[1] == pytest.approx(inside.mean())
    assert 0.65 < inside.mean() < 0.95
    wider_low, wider_high = model.held_out_intervals(0.95)
    assert (wider_low <= low).all()
    assert (wider_high >= high).all()
    near = model.predict({"ln_macs": 15.0, "ln_mass": 0.0, "odd": 0.0})
    far = model.predict({"ln_macs": 15.0, "ln_mass": 0.0, "odd": 8.0})
    assert far.high - far.low > 1.3 * (near.high - near.low)


def test_the_quantile_weighs_families_the_same():
    errors, families = np.array([9.0, 9.0, 9.0, 9.0, 1.0, 2.0, 3.0]), [*"aaaa", *"bcd"]
    # Shares of the four families and of the one to come: 1/5, 2/5, 3/5, then a's in quarters.
    assert [quantile_over_families(errors, families, q) for q in (0.2, 0.4, 0.6)] == [1, 2, 3]
    assert quantile_over_families(errors, families, 0.61) == 9
    assert quantile_over_families(errors, families, 0.99) == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "nnmass.predictor/1"}, "its schema is 'nnmass.predictor/1'"),
        ({"left_out": []}, "damaged predictor"),
        ({"left_out": [[[0.0], [1.0]]]}, "two numbers of each of 48"),
        ({"left_out": [[[0.0] * 48, [0.0] * 48]]}, "deviations above 0"),
        ({"rows": [[1.0]]}, "damaged predictor"),
        ({"level": 2}, "level must lie between 0 and 1"),
    ],
)
def test_damaged_files(change, message):
    rows, accuracy, families = made()
    told = NetworkPredictor().fit(rows, accuracy, families=families).to_dict()
    with pytest.raises(SpecError, match=message):
        NetworkPredictor.from_dict({**told, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"families": ["a"] * 48}, "at least 3 families, got 1"),
        ({"families": ["a"]}, "one accuracy, family and recipe"),
        ({"recipes": ["old"] * 48}, "plain, strong or empty, got 'old'"),
    ],
)
def test_wrong_fits(change, message):
    rows, accuracy, families = made()
    with pytest.raises(SpecError, match=message):
        NetworkPredictor().fit(rows, accuracy, **{"families": families, **change})
    with pytest.raises(SpecError, match="below 100"):
        NetworkPredictor().fit(rows, 2 * accuracy, families=families)
    with pytest.raises(SpecError, match="must be finite"):
        broken = [{**row, "odd": math.nan} for row in rows]
        NetworkPredictor().fit(broken, accuracy, families=families)
    with pytest.raises(SpecError, match="no feature 'odd'"):
        fitted = NetworkPredictor().fit(rows, accuracy, families=families)
        fitted.predict({"ln_macs": 3.0, "ln_mass": 1.0})
    with pytest.raises(SpecError, match="not fitted yet"):
        NetworkPredictor().predict(rows[0])


def test_imagenet_orders_networks_as_they_are_known_to_be(topologies):
    model = imagenet_predictor()
    found = {name: model.predict(one) for name, one in topologies.items()}
    assert found["resnet(depth=50)"].accuracy > found["resnet(depth=18)"].accuracy
    resnet = topologies["resnet(depth=50)"]
    strong = model.predict(resnet, recipe="strong").accuracy
    assert (
        strong > found["resnet(depth=50)"].accuracy > model.predict(resnet, recipe="plain").accuracy
    )
    assert all(50 < one.low < one.accuracy < one.high < 95 for one in found.values())
    small = trace(nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), (3, 8, 8))
    assert model.predict(small).extrapolates
