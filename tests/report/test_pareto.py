from dataclasses import replace

import pytest

import nnmass
from nnmass.design import Candidate, pareto_front
from nnmass.errors import SpecError
from nnmass.report import pareto_figure

LIKE = "dense-cnn(wm=1,d=6,t=20/40)"


@pytest.fixture(scope="module", name="front")
def front_fixture():
    return pareto_front(like="mobilenet-v2", levels=5)


def middle(node):
    if node.get("cx"):
        return float(node.get("cx")), float(node.get("cy"))
    corners = [tuple(map(float, corner.split(","))) for corner in node.get("points").split()]
    xs, ys = zip(*corners, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def marks(svg):
    """By panel, left to right: name of each mark and where it stands."""
    found = [
        (svg.title(node), middle(node))
        for tag in ("circle", "polygon")
        for node in svg.all(tag, "mark")
    ]
    edges = sorted(
        float(node.get("x1"))
        for node in svg.all("line", "axis")
        if node.get("x1") != node.get("x2")
    )
    panels = [[] for _ in edges]
    for name, (x, y) in found:
        panels[sum(x >= edge for edge in edges) - 1].append((name, (x, y)))
    return panels


def lines(svg):
    return [
        [tuple(map(float, corner.split(","))) for corner in node.get("points").split()]
        for node in svg.all("polyline", "front")
    ]


def with_latency(front):
    """The same with made-up latencies: the more parameters, the slower."""
    points = tuple(
        replace(p, candidate=replace(p.candidate, latency_ms=p.candidate.params / 1e6))
        for p in front.points
    )
    return replace(front, points=points, reference=replace(front.reference, latency_ms=9.0))


def test_every_network_stands_in_every_panel_with_its_name(front, read):
    svg = read(pareto_figure(front))
    panels = marks(svg)
    assert len(panels) == 2
    for panel in panels:
        assert len(panel) == len(front.points) + 1
        names = " ".join(name for name, _ in panel)
        for point in front.points:
            assert f"{point.candidate.spec} · least" in names
        assert "mobilenet-v2 · reference: NN-Mass 1287.00, 3.50 M params, 300.77 M MACs" in names
    assert svg.texts("axis-name") == ["parameters", "NN-Mass", "MACs"]
    assert svg.texts("title") == ["What a mass costs at least: mobilenet-v2 networks"]
    assert set(svg.texts("legend")) >= {"reference", "least parameters"}


def test_dearer_stands_further_right_and_heavier_higher(front, read):
    for panel, cost in zip(marks(read(pareto_figure(front))), ("params", "macs"), strict=True):
        place = {name.split(" · ")[0]: at for name, at in panel}
        ordered = sorted(
            (getattr(p.candidate, cost), place[str(p.candidate.spec)][0]) for p in front.points
        )
        assert [x for _, x in ordered] == sorted(x for _, x in ordered)
        heights = sorted((p.candidate.mass, -place[str(p.candidate.spec)][1]) for p in front.points)
        assert [y for _, y in heights] == sorted(y for _, y in heights)


def test_lines_join_those_that_have_the_least_of_the_cost(front, read):
    svg = read(pareto_figure(front))
    for line, panel, cost in zip(lines(svg), marks(svg), ("params", "macs"), strict=True):
        joined = [p.candidate for p in front.points if cost in p.least]
        places = {name.split(" · ")[0]: at for name, at in panel if "reference" not in name}
        assert len(line) == len(joined) > 2
        for corner, one in zip(line, joined, strict=True):
            assert corner == pytest.approx(places[str(one.spec)], abs=1.5)  # of a triangle's box
        assert line == sorted(line, key=lambda at: (at[0], -at[1]))  # more mass never costs less


def test_a_third_panel_where_latencies_are_known(front, read):
    svg = read(pareto_figure(with_latency(front)))
    assert len(marks(svg)) == 3
    assert "latency, ms" in svg.texts("axis-name")
    assert all(" ms" in name for panel in marks(svg) for name, _ in panel)
    partly = with_latency(front)
    partly = replace(partly, reference=front.reference)
    assert len(marks(read(pareto_figure(partly)))) == 2


def test_texts_do_not_overlap_and_the_drawing_is_the_same_each_time(front, read, overlapping):
    for shown in (front, with_latency(front)):
        svg = read(pareto_figure(shown))
        for class_ in ("tick-x", "tick-y", "legend"):
            assert not overlapping(svg.boxes(class_))
        assert pareto_figure(shown) == pareto_figure(shown)
    again = pareto_front(like="mobilenet-v2", levels=5)
    assert pareto_figure(again) == pareto_figure(front)


def test_without_a_reference_and_with_one_point(read):
    front = pareto_front("dense-mlp", levels=3)
    svg = read(pareto_figure(front))
    assert "reference" not in svg.texts("legend")
    one = replace(front, points=front.points[:1])
    assert [len(panel) for panel in marks(read(pareto_figure(one)))] == [1, 1]


def test_a_front_without_points():
    front = replace(pareto_front(like=LIKE, levels=2), points=())
    with pytest.raises(SpecError, match="a front without points"):
        pareto_figure(front)


def test_names_are_escaped(read):
    front = pareto_front(like=LIKE, levels=2)
    reference = Candidate.of(nnmass.parse(LIKE))
    svg = pareto_figure(replace(front, reference=reference))
    assert read(svg).root is not None
