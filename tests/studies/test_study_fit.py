"""Fits over tables, against direct computation one resample (one depth) at a time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from nnmass.design import Candidate, Prediction, design
from nnmass.errors import DataError, NNMassError, SpecError, StoreError
from nnmass.report._design_table import _accuracy
from nnmass.specs import parse
from nnmass.studies import (
    AccuracyModel,
    fit_accuracy,
    kendall,
    load_fit,
    read_study_table,
    read_terms,
    spearman,
    study_table,
)
from nnmass.studies._conformal import interval_ends
from nnmass.studies._weighted import (
    left_out_predictions,
    weighted_coefficients,
    weighted_kendall,
    weighted_r_squared,
    weighted_regret,
    weighted_spearman,
)


def made_rows(n_seeds=3, noise=0.1):
    generator = np.random.default_rng(5)
    rows = []
    for depth in (8, 12, 16, 24):
        for mass in (0, 2, 5, 9, 14, 20):
            params = 100 * depth + 7 * mass + float(generator.integers(50))
            for seed in range(n_seeds):
                accuracy = 90 + 0.8 * math.log1p(mass) + noise * generator.normal()
                row = {"mass": mass, "params": params, "macs": 2 * params + depth, "depth": depth}
                rows.append({**row, "width": depth % 5, "seed": seed, "accuracy": accuracy})
    return rows


@pytest.fixture(scope="module")
def rows():
    return made_rows()


@pytest.fixture(scope="module")
def fit(rows):
    return fit_accuracy(rows, n_resamples=100)


def means_of(rows):
    keys = sorted({(row["depth"], row["mass"]) for row in rows})
    chosen = [[r for r in rows if (r["depth"], r["mass"]) == key] for key in keys]
    return [{**group[0], "accuracy": np.mean([r["accuracy"] for r in group])} for group in chosen]


def columns(rows, terms):
    pick = {
        "ln mass": lambda r: math.log(r["mass"]),
        "ln params": lambda r: math.log(r["params"]),
        "mass": lambda r: r["mass"],
        "params": lambda r: r["params"],
    }
    return np.array([[pick[term](row) for term in terms] for row in rows], float)


def line(x, y, new):
    solved = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]
    return np.column_stack([np.ones(len(new)), new]) @ solved


def r2(y, predicted):
    return 1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()


@pytest.mark.parametrize("terms", [("params",), ("mass",), ("ln mass",), ("ln mass", "ln params")])
def test_statistics_equal_a_direct_computation(rows, fit, terms):
    means = [r for r in means_of(rows) if r["mass"] > 0 or "ln mass" not in terms]
    x, y = columns(means, terms), np.array([row["accuracy"] for row in means])
    found = {one.terms: one for one in fit.configurations}[terms]
    predicted = line(x, y, x)
    assert found.n == len(y)
    assert found.n_left_out == 24 - len(y)
    assert found.r_squared.value == pytest.approx(r2(y, predicted), rel=1e-9)
    order = x[:, 0] if len(terms) == 1 else predicted
    assert found.spearman.value == pytest.approx(spearman(order, y), abs=1e-12)
    assert found.kendall.value == pytest.approx(kendall(order, y), abs=1e-12)
    depth = np.array([row["depth"] for row in means])
    new = np.empty(len(y))
    for one in set(depth):
        new[depth == one] = line(x[depth != one], y[depth != one], x[depth == one])
    assert found.r_squared_new_depth.value == pytest.approx(r2(y, new), rel=1e-8)
    assert found.r_squared.interval.low <= found.r_squared.value <= found.r_squared.interval.high


def test_baselines_come_first_and_mass_0_is_left_out_of_ln_mass_aloud(fit):
    claims = [one.is_baseline for one in fit.configurations]
    assert claims == sorted(claims, reverse=True)
    assert any("4 configuration(s) of mass 0" in note for note in fit.notes)
    assert (fit.n_rows, fit.n_configurations, len(fit.rows)) == (72, 24, len(fit.configurations))
    json.dumps(fit.to_dict(), allow_nan=False)


def test_resamples_equal_the_same_rows_written_out():
    generator = np.random.default_rng(1)
    x = generator.integers(0, 6, 14).astype(float)
    y = x + generator.integers(0, 4, 14)
    groups = np.arange(14) % 3
    w = np.array([np.bincount(generator.integers(0, 14, 14), minlength=14) for _ in range(8)])
    w = w.astype(float)
    terms = np.column_stack([np.ones(14), x])
    found = weighted_coefficients(w, terms, y)
    new = left_out_predictions(w, terms, y, groups)
    for k, weights in enumerate(w):
        i = np.repeat(np.arange(14), weights.astype(int))
        assert weighted_spearman(w, x, y)[k] == pytest.approx(spearman(x[i], y[i]), abs=1e-12)
        assert weighted_kendall(w, x, y)[k] == pytest.approx(kendall(x[i], y[i]), abs=1e-12)
        fitted = line(x[i][:, None], y[i], x[i][:, None])
        whole = weighted_r_squared(w, y, found @ terms.T)[k]
        assert whole == pytest.approx(r2(y[i], fitted), abs=1e-9)
        for group in range(3):
            out = groups[i] == group
            if out.any():
                told = line(x[i][~out][:, None], y[i][~out], x[i][out][:, None])
                np.testing.assert_allclose(new[k, i[out]], told, rtol=1e-8)


def test_regret_of_ties_is_that_of_the_worst():
    w, x, y = np.ones((1, 4)), np.array([2.0, 2.0, 1.0, 0.0]), np.array([5.0, 7.0, 9.0, 1.0])
    assert [weighted_regret(w, x, y, top=k)[0] for k in (1, 2, 3, 9)] == [4.0, 2.0, 0.0, 0.0]


def test_a_noiseless_line_is_found_exactly():
    rows = [{"mass": m, "params": (m * 7) % 11, "accuracy": 50 + 2 * m} for m in range(1, 12)]
    model = AccuracyModel().fit(rows)
    assert model.terms == ("mass",)
    assert model.predict({"mass": 5.5, "params": 4}).accuracy == pytest.approx(61)
    assert model.score(study_table(rows)) == pytest.approx(1)
    assert model.rises_with_mass


def test_intervals_cover_about_their_share():
    """Of many studies with a new network each; CV+ promises 0.6, and gives about 0.8."""
    generator, inside = np.random.default_rng(0), 0
    for _ in range(150):
        mass = generator.uniform(1, 20, 21)
        y = 50 + mass + generator.normal(size=21)
        rows = [{"mass": m, "accuracy": a} for m, a in zip(mass[1:], y[1:], strict=True)]
        told = AccuracyModel(terms=("mass",), level=0.8).fit(rows).predict({"mass": mass[0]})
        inside += told.low <= y[0] <= told.high
    assert 0.72 <= inside / 150 <= 0.9


def test_interval_ends_by_hand():
    assert interval_ends(np.array([1.0, 2, 3, 4]), np.ones(4), level=0.6) == (1.0, 4.0)
    assert interval_ends(np.zeros(3), np.array([1.0, 2, 3]), level=0.99) == (-3.0, 3.0)


def test_a_saved_model_predicts_the_same_and_designs(tmp_path):
    texts = [f"dense-mlp(w=8,d={d},t={t})" for d in (8, 12, 16, 20) for t in (2, 6, 12, 20)]
    rows = [{"spec": s, "accuracy": 0.9 + math.log(parse(s).mass) / 100} for s in texts]
    model = AccuracyModel(terms=("ln mass",)).fit(rows)
    model.save(tmp_path / "fit.json")
    read = load_fit(tmp_path / "fit.json")
    spec = parse(texts[5])
    assert read.predict(spec) == model.predict(spec)
    assert isinstance(read.predict(spec), Prediction)
    np.testing.assert_array_equal(read.predict([spec, spec]), [read.predict(spec).accuracy] * 2)
    assert not read.why_extrapolates(spec)
    assert any("depth 40" in why for why in read.why_extrapolates(parse("dense-mlp(w=8,d=40,t=6)")))
    other = parse("resnet(depth=18)")
    assert any("family is resnet" in why for why in read.why_extrapolates(other))
    front = design(like=spec, fit=read, objective="accuracy", max_params=1e4, top=2)
    assert front[0].accuracy == read.predict(front[0].spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [], "has no rows"),
        (lambda rows: [{"mass": 1}], "no column 'accuracy' or 'test_accuracy'"),
        (lambda rows: rows[:2], "holds 1 configuration"),
        (lambda rows: [{**r, "accuracy": "high"} for r in rows], "finite number, got 'high'"),
        (lambda rows: [{**r, "mass": -1} for r in rows], "mass must be at least 0, got -1"),
        (lambda rows: [{**r, "accuracy": 7} for r in rows], "nothing to explain"),
        (lambda rows: [{"accuracy": i, "spec": f"vgg(depht={i})"} for i in range(3)], "depth"),
        (
            lambda rows: [{**r, "dataset": f"set{i % 2}"} for i, r in enumerate(rows)],
            "several data sets",
        ),
    ],
)
def test_tables_that_cannot_be_fitted(rows, change, message):
    with pytest.raises(SpecError, match=message):
        fit_accuracy(change(rows))


def test_failed_trials_are_left_out_aloud(rows):
    table = study_table([*rows, {**rows[0], "accuracy": ""}])
    assert table.notes == ("1 of 73 rows have no accuracy: left out",)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_study_table(tmp_path / "none.csv")
    with pytest.raises(StoreError, match="cannot read"):
        load_fit(tmp_path / "none.json")
    file = tmp_path / "fit.json"
    for text, message in (
        ("{", "no JSON text"),
        ('{"schema": "nnmass.fit/2"}', "its schema is 'nnmass.fit/2'"),
        ('{"schema": "nnmass.fit/1"}', "damaged fit"),
    ):
        file.write_text(text)
        with pytest.raises(NNMassError, match=message):
            load_fit(file)


def test_terms():
    assert read_terms("LN mass + macs") == ("ln mass", "macs")
    with pytest.raises(SpecError, match="Did you mean 'ln mass'"):
        read_terms("ln_mass")
    with pytest.raises(SpecError, match="stands twice"):
        read_terms("mass+mass")
    with pytest.raises(SpecError, match="not fitted yet"):
        AccuracyModel().predict({"mass": 1.0})


def test_a_candidate_of_mass_0_has_no_prediction_by_ln_mass(rows):
    massive = [row for row in rows if row["mass"]]
    model = AccuracyModel(terms=["ln mass"]).fit(study_table(massive))
    plain = Candidate.of(parse("dense-mlp(w=8,d=16,t=0)"), fit=model)
    assert (plain.mass, plain.accuracy) == (0, None)
    assert plain.unpredicted == "mass 0: not in the fit"
    with pytest.raises(SpecError, match="a mass of 0 has no logarithm"):
        model.predict(plain.spec)
    assert _accuracy(plain) == "mass 0: not in the fit"


def test_one_data_set_of_several():
    rows = [
        {"mass": m, "data": data, "accuracy": m * slope}
        for data, slope in (("a", 1.0), ("b", -1.0))
        for m in (1.0, 2.0, 5.0)
    ]
    assert study_table(rows, data="b").outcome.tolist() == [-1.0, -2.0, -5.0]
    with pytest.raises(SpecError, match=r"no rows of the data set 'c'.* It has: a, b"):
        study_table(rows, data="c")


def test_cells_of_a_network_are_one_depth():
    specs = [
        "dense-cnn(wm=1,d=6,t=2/3/6)",
        "dense-cnn(wm=1,d=6/9/12,t=2/2/2)",
        "dense-cnn(wm=2,d=9,t=2/2/2)",
    ]
    rows = [
        {"spec": spec, "depth": "6/6/6", "width": "16/32/64", "accuracy": 50.0 + i}
        for i, spec in enumerate(specs)
    ]
    assert study_table(rows).columns["depth"].tolist() == [6.0, 9.0, 9.0]
    assert study_table(rows).columns["width"].tolist() == [1.0, 1.0, 2.0]
    told = [{"mass": i + 1, "depth": "6/9/12", "accuracy": i} for i in range(3)]
    assert study_table(told).columns["depth"].tolist() == [9.0] * 3
