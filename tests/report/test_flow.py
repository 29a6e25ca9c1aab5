"""Gradient flow as a picture and a table: nothing is dropped in silence."""

import math
from itertools import pairwise

import pytest

from nnmass.errors import SpecError
from nnmass.probes import BatchLatency, FlowDraw, FlowLayer, GradientFlow, Latency
from nnmass.report import flow_figure, flow_table, latency_table


def layer(path, *, variance=1.0, gradient=1.0, after=()):
    return FlowLayer(
        path=path, kind="Linear", n_units=4, n_weights=16, variance=variance,
        mean_square=variance, gradient_rms=gradient, weight_norm=2.0, weight_gradient=gradient,
        weight_gradient_after=after, reason="" if gradient is not None else "its output overflows",
    )  # fmt: skip


def flow(*draws, steps=0):
    return GradientFlow(
        network="net <1>",
        draws=tuple(
            FlowDraw(
                seed=seed, layers=tuple(layers), losses=(1.0,) * (steps + 1), jacobian_norm=1.0,
                jacobian_error=0.0,
            )
            for seed, layers in enumerate(draws)
        ),
        n_images=8, n_outputs=4, batch_norm="batch", steps=steps, lr=0.1, unmeasured=(),
        elapsed_s=0.0, environment={},
    )  # fmt: skip


def steady(n=6, ratio=10.0, factor=1.0):
    return [
        layer(f"l{i}", variance=factor * ratio**-i, gradient=factor * ratio ** (i - n))
        for i in range(n)
    ]


def corners(node):
    return [tuple(map(float, pair.split(","))) for pair in node.get("points").split()]


def test_three_logarithmic_panels_over_one_axis(read):
    svg = read(flow_figure(flow(steady())).svg)
    lines = [corners(line) for line in svg.all("polyline")]
    assert len(lines) == 3
    assert len({tuple(x for x, _ in line) for line in lines}) == 1
    for line in lines:
        steps = [b[1] - a[1] for a, b in pairwise(line)]
        assert max(steps) - min(steps) < 0.05  # equal ratios, equal room
    bottoms = [max(y for _, y in line) for line in lines]
    assert bottoms == sorted(bottoms)
    assert not svg.all("polygon", "band")
    assert not svg.texts("note")


def test_bands_reach_from_the_lowest_to_the_highest(read):
    figure = flow_figure(flow(steady(), steady(factor=4.0), steady(factor=16.0)))
    svg = read(figure.svg)
    bands, lines = svg.all("polygon", "band"), svg.all("polyline")
    assert len(bands) == len(lines) == 3
    for band, line in zip(bands, lines, strict=True):
        edge, middle = corners(band), corners(line)
        high, low = edge[: len(middle)], edge[len(middle) :][::-1]
        for (_, top), (_, y), (_, bottom) in zip(high, middle, low, strict=True):
            assert y == pytest.approx((top + bottom) / 2, abs=0.02)  # 4 is the mean of 1, 4, 16
            assert bottom > top
    assert any("band: lowest to highest" in text.replace("  ", " ") for text in svg.texts("label"))
    assert figure.caption == flow(steady(), steady(factor=4.0), steady(factor=16.0)).verdict()


def test_zeros_and_failures_are_gaps_with_marks_and_a_note(read):
    first, second = steady(8), steady(8)
    first[2] = second[2] = layer("l2", gradient=0.0)
    second[4] = layer("l4", gradient=0.0)
    first[6] = second[6] = layer("l6", variance=None, gradient=None)
    svg = read(flow_figure(flow(first, second)).svg)
    by_panel = [len(corners(line)) for line in svg.all("polyline")]
    assert by_panel == [6, 2, 3, 2, 3]  # a lone layer after a gap is a dot
    assert len(svg.all("circle", "zero")) == 4
    assert len(svg.all("path", "failed")) == 3
    gradient_note = "zero in 2 of 2: layers 3; zero in 1 of 2: layers 5; failed in 2 of 2: layers 7"
    assert svg.texts("note") == ["failed in 2 of 2: layers 7", gradient_note, gradient_note]
    titles = [svg.title(node) for node in svg.all("circle", "zero")]
    assert any("5, l4 (Linear)" in title and "zero in 1 of 2" in title for title in titles)


def test_nothing_to_show_is_said(read):
    svg = read(flow_figure(flow([layer("a", gradient=0.0), layer("b", gradient=0.0)])).svg)
    assert svg.texts("soft").count("nothing above 0 to show") == 2
    assert svg.texts("note") == ["zero: layers 1-2"] * 2
    far = read(flow_figure(flow([layer("a", variance=1e150), layer("b")])).svg)
    assert far.texts("note") == ["beyond the axis in 1 of 1: layers 1"]


def test_steps_are_a_line_of_their_own(read):
    layers = [layer(f"l{i}", after=(0.5, 0.1 if i else 0.0)) for i in range(5)]
    svg = read(flow_figure(flow(layers, steps=2)).svg)
    assert len(svg.all("polyline")) == 4
    assert svg.texts("label") == ["at the start", "after 2 steps"]
    assert svg.texts("note") == ["after 2 steps: zero: layers 1"]
    dashes = [line.get("stroke-dasharray") for line in svg.all("polyline")[2:]]
    assert len(set(dashes)) == 2  # not by colour alone


@pytest.mark.parametrize("n", [1, 2, 3, 60, 400])
@pytest.mark.parametrize("steps", [0, 1])
def test_texts_stay_apart_and_inside(n, steps, read, overlapping):
    after = (1.0,) * steps

    def layers(k):
        sizes = [0.0 if i % 3 == 1 else 10.0 ** (-i - k) for i in range(min(n, 60))]
        few = [layer(f"stage{i}.block", gradient=g, after=after) for i, g in enumerate(sizes)]
        return few + [layer(f"more{i}", after=after) for i in range(n - 60)]

    figure = flow_figure(flow(layers(0), layers(1), steps=steps))
    svg = read(figure.svg)
    width, height = map(float, svg.root.get("viewBox").split()[2:])
    boxes = [box for kind in ("soft", "bold", "axis-name", "label") for box in svg.boxes(kind)]
    assert not overlapping(boxes)
    assert min(box[0] for box in boxes) >= 0
    assert max(box[2] for box in boxes) <= width
    assert max(box[3] for box in boxes) <= height
    assert all(float(text) == int(float(text)) for text in svg.texts("tick-x"))
    assert len(figure.svg) < 200_000


def test_the_table_says_what_is_zero_and_what_failed():
    first, second = steady(4), steady(4, factor=4.0)
    first[1] = layer("l1", gradient=0.0)
    second[2] = layer("l2", variance=None, gradient=None)
    table = flow_table(flow(first, second))
    assert [row[:3] for row in table.rows] == [(str(i + 1), f"l{i}", "Linear") for i in range(4)]
    names = [column.name for column in table.columns]
    column = {name: [row[names.index(name)] for row in table.rows] for name in names}
    assert column["variance"][0] == "2"  # geometric mean of 1 and 4
    assert column["gradient RMS"][0] == "0.0002"
    assert (column["lowest"][0], column["highest"][0]) == ("0.0001", "0.0004")
    assert column["gradient RMS"][1:3] == ["zero in 1 of 2", "failed in 1 of 2"]
    assert (column["lowest"][1], column["lowest"][2]) == ("0", "n/a")
    assert column["weight gradient"][0] == "0.0002"
    assert column["by weight norm"][0] == "0.0001"
    single = flow_table(flow([layer("a", gradient=0.0, after=(0.25,))], steps=1))
    assert single.columns[-1].name == "after 1 step"
    assert single.rows[0][4] == "zero"
    assert single.rows[0][-1] == "0.25"


def test_latencies_state_where_they_were_made():
    one = Latency(
        network="a", input_shape=(3,), device="cpu", threads=2, dtype="bfloat16",
        channels_last=True, warm_up=1, torch="2.13", seed=0, elapsed_s=0.0, environment={},
        batches=tuple(
            BatchLatency(batch_size=size, times_ms=(ms,) * 5)
            for size, ms in ((1, 0.5), (64, 1234.5))
        ),
    )  # fmt: skip
    table = latency_table([one])
    assert [column.header for column in table.columns][2:5] == [
        "median (ms)",
        "p95 (ms)",
        "fastest (ms)",
    ]
    assert table.rows == (
        ("a", "1", "0.5", "0.5", "0.5", "0.5", "2000", "5", "cpu", "2", "bfloat16, channels last"),
        ("a", "64", *["1234"] * 4, "51.8", "5", "cpu", "2", "bfloat16, channels last"),
    )
    with pytest.raises(SpecError, match="no latencies"):
        latency_table([])


def test_spread_is_honest_about_what_it_leaves_out():
    layers = flow([layer("a", gradient=None)], [layer("a", gradient=1.0)]).layers
    assert layers[0].gradient_rms.middle is None
    assert not math.isnan(layers[0].gradient_rms.positive.middle)
