"""Results of LDI as data: averages, intervals, failures."""

import dataclasses
import json
import math

import numpy as np
import pytest

from nnmass.probes import LDI, LayerSpectrum, LDIDraw


def layer(values, path="a", **changes):
    """A layer whose singular values are ``values``."""
    values = np.asarray(values, dtype=float)
    near = (values >= 0.5) & (values <= 2)
    told = {
        "path": path,
        "kind": "linear",
        "activation": "elu",
        "rows": len(values),
        "columns": len(values) + 3,
        "method": "exact",
        "n_images": 1,
        "mean": float(values.mean()),
        "mean_error": 0.0,
        "std": float(values.std()),
        "quantiles": tuple(np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist()),
        "near_one": float(near.mean()),
        "max_abs_log": float(np.abs(np.log(values[values > 0])).max(initial=0)),
        "zero_share": float((values == 0).mean()),
        "largest": float(values.max()),
    }
    return LayerSpectrum(**{**told, **changes})


def no_numbers(path="a", method="failed", reason="its Jacobian is not finite"):
    return LayerSpectrum(
        path=path, kind="linear", activation="", rows=4, columns=4, method=method, reason=reason
    )


def result(*draws, seeds=None):
    seeds = range(len(draws)) if seeds is None else seeds
    return LDI(
        network="net",
        draws=tuple(
            LDIDraw(seed=seed, layers=tuple(layers))
            for seed, layers in zip(seeds, draws, strict=True)
        ),
        n_images=2,
        batch_norm="batch",
        is_legacy=False,
        elapsed_s=0.5,
        environment={"torch": "2"},
    )


SMALL, LARGE = np.array([0.2, 0.6]), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
OTHER_SMALL, OTHER_LARGE = np.array([0.4, 1.8]), np.array([0.0, 1.0, 1.0, 2.0, 3.0])


@pytest.fixture
def two():
    return result(
        [layer(SMALL, "a"), layer(LARGE, "b")],
        [layer(OTHER_SMALL, "a"), layer(OTHER_LARGE, "b")],
    )


def test_a_draw_averages_layers_and_values(two):
    draw = two.draws[0]
    assert draw.mean == pytest.approx((SMALL.mean() + LARGE.mean()) / 2)
    pooled = np.concatenate([SMALL, LARGE])
    assert draw.pooled_mean == pytest.approx(pooled.mean())
    assert draw.std == pytest.approx(pooled.std())


def test_the_whole_averages_draws(two):
    means = [(SMALL.mean() + LARGE.mean()) / 2, (OTHER_SMALL.mean() + OTHER_LARGE.mean()) / 2]
    assert two.mean == pytest.approx(np.mean(means))
    pooled = [np.concatenate([SMALL, LARGE]), np.concatenate([OTHER_SMALL, OTHER_LARGE])]
    assert two.pooled_mean == pytest.approx(np.mean([p.mean() for p in pooled]))
    assert two.std == pytest.approx(np.mean([p.std() for p in pooled]))
    half = 12.7062047 * np.std(means, ddof=1) / math.sqrt(2)
    assert two.interval == pytest.approx((two.mean - half, two.mean + half), rel=1e-6)


def test_layers_are_averaged_over_draws(two):
    small, large = two.layers
    both = np.concatenate([SMALL, OTHER_SMALL])
    assert (small.path, small.activation, small.rows, small.columns) == ("a", "elu", 2, 5)
    assert small.mean == pytest.approx(both.mean())
    assert small.std == pytest.approx(both.std())
    assert small.near_one == pytest.approx(0.5)
    assert small.largest == 1.8
    assert small.max_abs_log == pytest.approx(abs(math.log(0.2)))
    assert large.zero_share == pytest.approx(0.1)
    assert large.quantiles[2] == pytest.approx((3 + 1) / 2)
    assert large.method == "exact" and large.mean_error == 0


def test_one_draw_is_its_own_average():
    only = layer(LARGE)
    assert result([only]).layers == (only,)
    assert result([only]).interval is None


def test_estimates_bring_their_error_and_hide_what_they_do_not_know():
    estimated = layer(SMALL, method="estimated", mean_error=0.3, max_abs_log=None, zero_share=None)
    exact = layer(SMALL)
    (got,) = result([estimated], [exact], [dataclasses.replace(estimated, mean_error=0.4)]).layers
    assert got.method == "estimated"
    assert got.mean_error == pytest.approx(math.hypot(0.3, 0.4) / 3)
    assert got.max_abs_log is None and got.zero_share is None


def test_a_failed_layer_is_no_number():
    good, bad = layer(SMALL, "a"), no_numbers("b")
    told = result([good, layer(LARGE, "b")], [good, bad])
    assert told.draws[0].mean is not None
    assert told.draws[1].mean is told.draws[1].pooled_mean is told.draws[1].std is None
    assert told.mean is told.pooled_mean is told.std is told.interval is None
    assert told.layers[0].mean is not None
    assert told.layers[1].mean is None and told.layers[1].method == "failed"
    assert told.failures == ("b: its Jacobian is not finite",)


def test_failures_are_told_once():
    draws = [[no_numbers("a"), no_numbers("b", reason="other")]] * 3
    assert result(*draws).failures == ("a: its Jacobian is not finite", "b: other")


def test_an_unsupported_layer_is_left_out_and_said():
    other = no_numbers("c", method="unsupported", reason="attention has no single Jacobian")
    told = result([layer(SMALL, "a"), other], [layer(OTHER_SMALL, "a"), other])
    assert told.mean == pytest.approx((SMALL.mean() + OTHER_SMALL.mean()) / 2)
    assert told.interval is not None
    assert told.failures == ("c: attention has no single Jacobian",)
    assert told.layers[1].method == "unsupported"


def test_nothing_supported_is_nothing_measured():
    told = result([no_numbers(method="unsupported")])
    assert told.mean is told.pooled_mean is told.std is told.interval is None


def test_a_mean_of_zero_is_a_number():
    dead = layer(np.zeros(3), max_abs_log=None, quantiles=(0.0,) * 5)
    told = result([dead], [dead])
    assert told.mean == told.pooled_mean == told.std == 0
    assert told.interval == (0, 0)
    assert told.layers[0].mean == 0 and told.layers[0].max_abs_log is None
    assert told.failures == ()


@pytest.mark.parametrize("bad", [False, True])
def test_json(two, bad):
    told = result([no_numbers()], seeds=[None]) if bad else two
    data = json.loads(json.dumps(told.to_dict(), allow_nan=False))
    assert data["mean"] == told.mean
    assert data["interval"] == (list(told.interval) if told.interval else None)
    assert data["seeds"] == ([None] if bad else [0, 1])
    assert data["means"] == [draw.mean for draw in told.draws]
    assert data["failures"] == list(told.failures)
    assert (data["n_images"], data["batch_norm"], data["is_legacy"]) == (2, "batch", False)
    back = [
        LayerSpectrum(**{**kept, "quantiles": kept["quantiles"] and tuple(kept["quantiles"])})
        for kept in data["layers"]
    ]
    assert tuple(back) == told.layers


def test_results_are_frozen(two):
    with pytest.raises(dataclasses.FrozenInstanceError):
        two.network = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        two.draws[0].layers[0].mean = 1.0
