import math
import re
from itertools import pairwise

import numpy as np
import pytest

from nnmass.errors import SpecError
from nnmass.probes import LDI, LayerSpectrum, LDIDraw, ProbedNetwork
from nnmass.report import (
    equal_mass_groups_of,
    equal_mass_groups_table,
    equal_mass_line,
    fit_line,
    ldi_against,
    ldi_figure,
    ldi_fits,
    ldi_line,
    ldi_table,
    probes_table,
    render_html,
    report_probes,
)


def layer(path, mean, *, error=0.0, **fields):
    made = {
        "kind": "linear", "activation": "elu", "rows": 8, "columns": 16, "n_images": 10,
        "method": "estimated" if error else "exact", "mean": mean, "mean_error": error,
        "std": mean / 4, "quantiles": tuple(mean * x for x in (0.2, 0.7, 1, 1.2, 1.6)),
        "near_one": 0.5, "max_abs_log": 1.5, "zero_share": 0.25, "largest": 2 * mean,
    }  # fmt: skip
    return LayerSpectrum(path=path, **{**made, **fields})


def failed(path, reason, method="failed"):
    return LayerSpectrum(
        path=path, kind="linear", activation="", rows=4, columns=4, method=method, reason=reason
    )


def ldi_of(*draws, network="net", seeds=None, legacy=False):
    seeds = range(len(draws)) if seeds is None else seeds
    return LDI(
        network=network,
        draws=tuple(
            LDIDraw(seed=seed, layers=tuple(layers))
            for seed, layers in zip(seeds, draws, strict=True)
        ),
        n_images=10,
        batch_norm="batch",
        is_legacy=legacy,
        elapsed_s=0.5,
        environment={"torch": "2"},
    )


def network(name, mass, params, depth, means):
    ldi = ldi_of(*([layer("a", mean)] for mean in means), network=name)
    return ProbedNetwork(
        name=name, mass=mass, params=params, macs=2 * params, depth=depth, results={"ldi": ldi}
    )


def family(n_depths=3, n_caps=4):
    """Means that follow the mass alone."""
    return [
        network(f"d{d}-t{t}", t * (1 + d / 1000), 1000 * d + 100 * t, d, [0.4 + t / 50 + s / 1e4
                                                                       for s in (-1, 0, 1)])
        for d in range(16, 16 + 8 * n_depths, 8)
        for t in range(n_caps)
    ]  # fmt: skip


class TestTable:
    def test_one_row_a_layer_in_order(self):
        first = [layer("a", 0.5), layer("b", 1.5, error=0.0123)]
        table = ldi_table(ldi_of(first, [layer("a", 0.7), layer("b", 1.3, error=0.0123)]))
        names = [column.name for column in table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in table.rows]
        assert [row["layer"] for row in rows] == ["a", "b"]
        assert [row["#"] for row in rows] == ["1", "2"]
        assert rows[0]["mean"] == "0.6000"
        assert rows[1]["mean"] == f"1.4000 ± {math.hypot(0.0123, 0.0123) / 2:.4f}"
        assert rows[1]["method"] == "estimated"
        assert rows[0]["zero"] == "25.0 %"

    def test_what_has_no_number_shows_none(self):
        table = ldi_table(ldi_of([failed("a", "not finite"), failed("b", "?", "unsupported")]))
        for row in table.rows:
            assert not any(re.search(r"0\.0|nan|None|inf", cell) for cell in row)

    @pytest.mark.parametrize(
        ("mean", "error", "shown"),
        [
            (0.46412, 0.0, "0.4641"),
            (0.46412, 1e-9, "0.4641"),
            (0.46412, 0.0003, "0.4641 ± 0.0003"),
            (3e-7, 1e-8, "3.00e-07 ± 1.00e-08"),
            (12345.0, 12.0, "1.23e+04 ± 1.20e+01"),
            (0.0, 0.0, "0.0000"),
        ],
    )
    def test_digits(self, mean, error, shown):
        table = ldi_table(ldi_of([layer("a", mean, mean_error=error)]))
        assert table.rows[0][6] == shown


class TestLine:
    def test_mean_and_interval_are_those_of_the_draws(self):
        ldi = ldi_of([layer("a", 0.4)], [layer("a", 0.5)], [layer("a", 0.6)])
        half = 4.302653 * 0.1 / math.sqrt(3)  # Student's t of two degrees of freedom
        text = ldi_line(ldi)
        assert f"0.5000 (95 % interval {0.5 - half:.4f} to {0.5 + half:.4f})" in text
        assert text.endswith("over 10 images and 3 initialisations")

    def test_weights_as_they_are(self):
        text = ldi_line(ldi_of([layer("a", 0.4)], seeds=[None]))
        assert text.endswith("over 10 images, of the weights as they are")
        assert "interval" not in text

    def test_failure_and_legacy_are_told(self):
        assert "failed" in ldi_line(ldi_of([failed("a", "why")]))
        assert "as the released code" in ldi_line(ldi_of([layer("a", 1.0)], legacy=True))


class TestFigure:
    def test_means_stand_where_their_logarithms_do(self, read):
        drawing = read(ldi_figure(ldi_of([layer("a", x) for x in (0.25, 0.5, 1.0, 2.0)])))
        places = [float(dot.get("cy")) for dot in drawing.all("circle", "mark")][:4]
        assert np.diff(places) == pytest.approx([np.diff(places)[0]] * 3, abs=0.03)
        assert np.diff(places)[0] < 0  # upwards
        isometry = next(line for line in drawing.all("line", "s1") if line.get("stroke-dasharray"))
        assert float(isometry.get("y1")) == pytest.approx(places[2], abs=0.02)

    def test_failed_layers_leave_a_gap_and_a_cross_with_the_reason(self, read):
        layers = [layer("a", 0.5), layer("b", 0.6), failed("c", "its weights are NaN")]
        drawing = read(ldi_figure(ldi_of([*layers, layer("d", 0.4)])))
        assert len(drawing.all("polyline", "s0")) == 1  # a and b; d stands alone
        assert len(drawing.all("polygon", "band")) == 4
        titles = [drawing.title(node) for node in drawing.all("path", "s1")]
        assert "3 c: failed, its weights are NaN" in titles
        assert "no number" in drawing.texts()

    @pytest.mark.parametrize("n", [1, 2, 13, 60, 201])
    def test_every_layer_has_a_mark_and_numbers_do_not_meet(self, read, n):
        drawing = read(ldi_figure(ldi_of([layer(f"block.{i}.conv", 0.5) for i in range(n)])))
        # One more is in the legend.
        assert len(drawing.all("circle", "mark")) == n + 1
        boxes = sorted(drawing.boxes("tick-x"))
        assert all(a[2] < b[0] for a, b in pairwise(boxes))

    def test_bands_stay_in_the_frame(self, read):
        quantiles = (0.0, 1e-12, 0.5, 0.9, 1.5)
        layers = [layer("a", 0.5, quantiles=quantiles), layer("b", 0.4, quantiles=quantiles)]
        drawing = read(ldi_figure(ldi_of(layers)))
        for band in drawing.all("polygon", "band"):
            ys = [float(point.split(",")[1]) for point in band.get("points").split()]
            assert 60 < min(ys) <= max(ys) < 390

    @pytest.mark.parametrize("layers", [[failed("a", "why")], [layer("a", 0.0)]])
    def test_nothing_to_draw(self, layers):
        with pytest.raises(SpecError, match="nothing to draw"):
            ldi_figure(ldi_of(layers))


class TestSeveral:
    def test_the_line_is_that_of_least_squares(self):
        results = family()
        means = [result.mean_singular_value for result in results]
        told = fit_line(results)
        for what, short in (("mass", "mass"), ("params", "params"), ("macs", "MACs")):
            x = [getattr(result, what) for result in results]
            expected = np.corrcoef(x, means)[0, 1] ** 2
            assert f"{short} {expected:.2f}" in told
            assert ldi_fits(results)[what].r_squared == pytest.approx(expected)

    def test_too_few_networks_and_small_differences_are_doubted(self):
        assert "may be chance" in fit_line(family(1, 3))
        alike = [network(f"n{i}", 1.0 + i, 10 + i, 8, [0.5 + i / 1e5, 0.4, 0.6]) for i in range(9)]
        assert "less than their error bars" in fit_line(alike)
        assert "may be chance" not in fit_line(family())

    @pytest.mark.parametrize(("share", "is_doubted"), [(0.95, True), (1.05, False)])
    def test_differences_are_doubted_below_two_half_intervals(self, share, is_doubted):
        results = [network("n", 0.0, 9, 8, [0.5, 0.4, 0.6])]
        half = (results[0].ldi.interval[1] - results[0].ldi.interval[0]) / 2
        for i in range(1, 9):
            off = 2 * half * share * i / 8
            results.append(network(f"n{i}", i, 9, 8, [x + off for x in (0.5, 0.4, 0.6)]))
        assert ("less than their error bars" in fit_line(results)) is is_doubted

    def test_no_line_without_mass_or_with_one_mass(self):
        assert fit_line(family(1, 2)) == ""
        unknown = [network(f"n{i}", None, i, 8, [0.5 + i / 10] * 2) for i in range(5)]
        assert fit_line(unknown) == ""
        same = [network(f"n{i}", 3.0, i, 8, [0.5 + i / 10] * 2) for i in range(5)]
        assert fit_line(same) == ""

    def test_equal_mass(self):
        results = [
            network("shallow", 17.0, 100, 16, [0.50, 0.50]),
            network("deep", 16.6, 150, 32, [0.51, 0.51]),
            network("other", 30.0, 150, 32, [0.70, 0.70]),
        ]
        line = equal_mass_line(results)
        assert "by 2.0 % (depths 16 to 32)" in line
        assert "by up to 50 %" in line
        table = equal_mass_groups_table(results)
        assert table.rows == (
            ("16.60 to 17.00", "2", "16 to 32", "100 to 150", "0.5000 to 0.5100", "1.98 %"),
        )
        (group,) = equal_mass_groups_of(results)
        assert group["networks"] == ["shallow", "deep"]
        assert equal_mass_line(results[1:]) == ""
        assert equal_mass_groups_table(results[1:]) is None

    def test_marks_bars_and_names(self, read):
        results = family()
        drawing = read(ldi_against(results))
        marks = [*drawing.all("circle", "mark"), *drawing.all("polygon", "mark")]
        titles = [drawing.title(mark) for mark in marks]
        assert len(marks) == len(results)
        assert all(any(title.startswith(r.name) for title in titles) for r in results)
        assert len(drawing.all("path", "bar")) == len(results)
        assert {"depth 16", "depth 24", "depth 32"} <= set(drawing.texts("legend"))
        assert len(drawing.all("polyline", "fit")) == 1

    def test_against_params_on_a_wide_stretch_is_logarithmic(self, read):
        results = [network(f"n{i}", 1.0 * i, 10**i, 8, [0.5 + i / 10] * 2) for i in range(1, 5)]
        drawing = read(ldi_against(results, "params"))
        xs = [float(mark.get("cx")) for mark in drawing.all("circle", "mark")]
        assert np.diff(xs) == pytest.approx([np.diff(xs)[0]] * 3, abs=0.05)

    @pytest.mark.parametrize(("results", "what"), [([], "mass"), (None, "depth"), (None, 3)])
    def test_wrong_use(self, results, what):
        with pytest.raises(SpecError):
            ldi_against(family() if results is None else results, what)

    def test_failed_networks_are_named_and_have_no_number(self):
        bad = ProbedNetwork(
            name="bad", mass=None, params=5, macs=7, depth=None, failures={"ldi": "too large"}
        )
        table = probes_table([*family(1, 3), bad])
        assert table.rows[-1] == ("bad", "n/a", "5", "7", "-", "failed", "-")
        page = render_html(report_probes([*family(1, 3), bad]))
        assert "too large" in page.replace("<wbr>", "")


class TestPage:
    def test_of_one_network(self):
        page = render_html(report_probes([family(1, 1)[0]], provenance={"data": "made"}))
        assert "Mean singular value 0.4000" in page
        assert "<dd>made</dd>" in page
        assert page.count("<svg") == 1

    def test_of_several_says_who_explains_what_and_at_equal_mass(self):
        results = family()
        report = report_probes(results)
        assert report.answer.startswith("Over 12 networks, the mean singular value rises")
        assert "equal mass" in report.answer
        page = render_html(report)
        assert page.count("<svg") == 2
        assert all(f"{result.name}</th>" in page for result in results)

    def test_where_size_tells_more_it_says_so(self):
        results = [
            network(f"n{i}", float(mass), i + 1, 8, [0.4 + i / 10] * 3)
            for i, mass in enumerate([1, 5, 2, 4, 3, 9, 2, 7])
        ]
        assert "Here mass is not what tells it best" in report_probes(results).answer

    def test_nothing_measured(self):
        with pytest.raises(SpecError, match="no networks"):
            report_probes([])
        bare = ProbedNetwork(name="x", mass=1.0, params=1, macs=1, depth=1)
        assert "Nothing could be measured of x" in render_html(report_probes([bare]))

    def test_names_are_escaped(self):
        page = render_html(report_probes([network("<script>x", 1.0, 5, 4, [0.5, 0.6])]))
        assert "<script>x" not in page
        assert "&lt;script&gt;x" in page
