import math
import random
from itertools import pairwise

import pytest

from nnmass.errors import SpecError
from nnmass.report import Point, scatter

NAMES = {"x_label": "parameters", "y_label": "accuracy (%)", "title": "nets"}


def cloud(n, *, seed=0, groups=3, label="net {}"):
    rng = random.Random(seed)
    return [
        Point(
            10 ** rng.uniform(5, 7),
            rng.uniform(90, 98),
            rng.uniform(0, 0.6),
            label.format(k),
            f"group {k % groups}",
        )
        for k in range(n)
    ]


def middle(node):
    if node.get("cx"):
        return float(node.get("cx")), float(node.get("cy"))
    corners = [tuple(map(float, corner.split(","))) for corner in node.get("points").split()]
    xs, ys = zip(*corners, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def marks(svg):
    return [*svg.all("circle", "mark"), *svg.all("polygon", "mark")]


@pytest.mark.parametrize("log_x", [False, True])
def test_larger_values_stand_further_right_and_higher(log_x, read):
    points = [Point(3.0**k, float(k * k), 0, f"p{k:02}", "g") for k in range(12)]
    svg = read(scatter(points, **NAMES, log_x=log_x))
    places = [middle(mark) for mark in sorted(marks(svg), key=svg.title)]
    xs, ys = zip(*places, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)
    steps = [b - a for a, b in pairwise(xs)]
    assert (max(steps) - min(steps) < 0.1) is log_x  # equal ratios, equal steps


@pytest.mark.parametrize("log_x", [False, True])
def test_a_line_goes_through_the_points_on_it(log_x, read):
    points = [Point(x, 1 + 2 * x, 0, f"p{x:02}", "g") for x in (1.0, 31.0, 61.0)]
    svg = read(scatter(points, **NAMES, log_x=log_x, line=(1.0, 2.0)))
    (line,) = svg.all("polyline", "fit")
    corners = [tuple(map(float, corner.split(","))) for corner in line.get("points").split()]
    places = [middle(mark) for mark in sorted(marks(svg), key=svg.title)]
    assert [corners[0], corners[30], corners[60]] == [pytest.approx(at, abs=0.05) for at in places]


@pytest.mark.parametrize("n", [1, 5, 40, 150])
@pytest.mark.parametrize("label", ["net {}", "dense-cnn(wm=2,d={},t=40/80/125)"])
def test_labels_cover_neither_marks_nor_each_other(n, label, read, overlapping):
    svg = read(scatter(cloud(n, label=label), **NAMES))
    labels = svg.boxes("label")
    assert not overlapping(labels)
    middles = [middle(mark) for mark in marks(svg)]
    assert len(middles) == n
    covered = [
        (box, (x, y))
        for box in labels
        for x, y in middles
        if box[0] < x + 4 and x - 4 < box[2] and box[1] < y + 4 and y - 4 < box[3]
    ]
    assert not covered
    n_left_out = n - len(svg.texts("label"))
    note = " ".join(svg.texts("note"))
    assert note.startswith(f"{n_left_out} of {n} labels left out") if n_left_out else not note


def test_a_few_points_all_keep_their_labels(read):
    points = cloud(8, label="dense-cnn(wm=2,d={},t=40/80/125)")
    assert len(read(scatter(points, **NAMES)).texts("label")) == 8


def test_error_bars_have_the_length_of_the_spread(read):
    points = [Point(1, 10, 2, "a", ""), Point(2, 20, 0, "b", ""), Point(3, 5, math.nan, "c", "")]
    svg = read(scatter(points, **NAMES))
    (bar,) = svg.all("path", "bar")
    by_name = {svg.title(mark)[0]: middle(mark)[1] for mark in marks(svg)}
    top = float(bar.get("d").split("H")[0].split()[1])
    per_unit = (by_name["a"] - by_name["b"]) / 10
    assert by_name["a"] - top == pytest.approx(2 * per_unit, abs=0.1)


def test_a_legend_only_where_groups_differ_by_colour_and_by_shape(read):
    assert not read(scatter(cloud(4, groups=1), **NAMES)).texts("legend")
    svg = read(scatter(cloud(12, groups=3), **NAMES))
    assert svg.texts("legend") == ["group 0", "group 1", "group 2"]
    looks = {
        (mark.get("class"), mark.tag, len(mark.get("points", "").split())) for mark in marks(svg)
    }
    assert len(looks) == len({look[0] for look in looks}) == len({look[1:] for look in looks}) == 3


@pytest.mark.parametrize("high", [1.5, 4, 50, 1e4, 1e9, 1e30])
def test_log_ticks_are_round_ascending_and_apart(high, read, overlapping):
    points = [Point(1, 1, 0, "", ""), Point(high, 2, 0, "", "")]
    svg = read(scatter(points, **NAMES, log_x=True))
    assert 3 <= len(svg.texts("tick-x")) <= 14
    assert not overlapping(svg.boxes("tick-x"))
    for text in svg.texts("tick-x"):
        digits = text.split(" ")[0].split("e")[0].replace(".", "").strip("0")
        assert len(digits) <= 3, text


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "no points"),
        ([Point(1, math.nan, 0, "a", "")], "Point.y must be finite, got nan"),
        ([Point(math.inf, 1, 0, "a", "")], "Point.x must be finite"),
        ([Point(0, 1, 0, "a", "")], "Point.x must be finite and above 0 .* got 0"),
        ([Point(1, 1, -1, "a", "")], "Point.spread of 'a' must be .* got -1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(points, message):
    with pytest.raises(SpecError, match=message):
        scatter(points, **NAMES, log_x=True)
