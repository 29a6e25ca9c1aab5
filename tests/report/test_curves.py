import math

import pytest

from nnmass.errors import SpecError
from nnmass.report import Series, curves

NAMES = {"x_label": "epoch", "y_label": "loss", "title": "training"}


def corners(line):
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def test_a_line_goes_through_its_values_in_order(read):
    svg = read(curves([Series("a", "", range(5), [5, 4, 2, 1, 0])], **NAMES))
    (line,) = svg.all("polyline")
    xs, ys = zip(*corners(line), strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys)  # falling values, growing pixels
    assert ys[1] - ys[0] == pytest.approx((ys[2] - ys[1]) / 2, abs=0.02)


def test_a_value_that_is_not_finite_leaves_a_gap(read):
    y = [1.0, 2.0, math.nan, 3.0, math.inf, 2.0, 1.0]
    svg = read(curves([Series("a", "", range(7), y)], **NAMES))
    assert [len(corners(line)) for line in svg.all("polyline")] == [2, 2]
    assert len(svg.all("circle")) == 1  # the lone value between two gaps


def test_a_long_line_keeps_its_extremes_and_little_else(read):
    y = [math.sin(k / 50) for k in range(20_000)]
    y[7_777], y[12_345] = 9.0, -9.0
    svg = read(curves([Series("a", "", range(20_000), y)], **NAMES))
    (line,) = svg.all("polyline")
    places = corners(line)
    assert len(places) <= 800
    heights = [place[1] for place in places]
    assert heights.count(min(heights)) == heights.count(max(heights)) == 1
    assert max(heights) - min(heights) > 250
    assert places == sorted(places, key=lambda place: place[0])


@pytest.mark.parametrize("n", [1, 6, 60])
def test_end_labels_stay_apart_and_inside(n, read, overlapping):
    series = [Series(f"net {k} of {n}", f"g{k % 3}", [0, 1], [0, k / n]) for k in range(n)]
    svg = read(curves(series, **NAMES))
    boxes = [*svg.boxes("label"), *svg.boxes("soft")]
    assert not overlapping(boxes)
    width, height = map(float, svg.root.get("viewBox").split()[2:])
    assert max(box[2] for box in boxes) <= width
    assert max(box[3] for box in boxes) <= height
    hidden = [text for text in svg.texts("soft") if text.startswith("and ")]
    n_shown = len(svg.texts("label"))
    assert hidden == ([f"and {n - n_shown} more"] if n_shown < n else [])


def test_groups_differ_by_dash_too(read):
    series = [Series(f"s{k}", f"g{k % 3}", [0, 1], [k, k]) for k in range(6)]
    lines = read(curves(series, **NAMES)).all("polyline")
    looks = {(line.get("class"), line.get("stroke-dasharray")) for line in lines}
    assert len(looks) == len({look[0] for look in looks}) == len({look[1] for look in looks}) == 3


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(SpecError, match="3 x and 2 y"):
        Series("a", "", [1, 2, 3], [1, 2])
    with pytest.raises(SpecError, match="1 series without one finite y"):
        curves([Series("a", "", [1], [math.nan])], **NAMES)
    with pytest.raises(SpecError, match=r"Series\.x must be finite, got nan"):
        curves([Series("a", "", [math.nan], [1])], **NAMES)


def test_equal_ratios_take_equal_room_on_a_logarithmic_axis(read):
    svg = read(curves([Series("a", "", range(4), [1, 1e-3, 1e-6, 1e-9])], **NAMES, log_y=True))
    (line,) = svg.all("polyline")
    ys = [y for _, y in corners(line)]
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.03)
    assert ys[2] - ys[1] == pytest.approx(ys[3] - ys[2], abs=0.03)
    assert not svg.texts("note")


def test_what_a_logarithmic_axis_cannot_show_is_a_gap_and_a_note(read, overlapping):
    y = [1.0, 2.0, 0.0, 3.0, -1.0, math.nan, 2.0, 1.0]
    series = [Series("a", "", range(8), y), Series("b", "", range(8), [1.0] * 8)]
    svg = read(curves(series, **NAMES, log_y=True))
    assert [len(corners(line)) for line in svg.all("polyline")] == [2, 2, 8]
    assert len(svg.all("circle")) == 1
    assert svg.texts("note") == ["gaps: 3 values that are 0, negative or not finite (a)"]
    boxes = [*svg.boxes("soft"), *svg.boxes("axis-name"), *svg.boxes("label")]
    assert not overlapping(boxes)
    assert max(box[3] for box in boxes) <= float(svg.root.get("viewBox").split()[3])
    assert not read(curves(series, **NAMES)).texts("note")  # there it is a gap alone
    with pytest.raises(SpecError, match="2 series without one y above 0"):
        curves([Series("a", "", [1], [0.0]), Series("b", "", [1], [-1.0])], **NAMES, log_y=True)
