"""Tables and drawings of random-matrix theory, read back."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import SpecError
from nnmass.probes import isometry_theory
from nnmass.report import (
    Point,
    Report,
    Series,
    cell_theory_table,
    mass_theory_figure,
    render_html,
    theory_figure,
    theory_section,
    theory_table,
)
from nnmass.report._law_chart import Bar, law_panel
from nnmass.report._svg import drawing
from nnmass.topology import SingularValueLaw


@pytest.fixture(scope="module")
def mlp():
    return isometry_theory("dense-mlp(w=8,d=10,t=8,in=20,classes=5)", seeds=4)


@pytest.fixture(scope="module")
def others():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 4, 1), nn.Linear(6, 4))
    nn.init.zeros_(model[1].weight)
    return isometry_theory(model)


def histogram(read, figure):
    """Edges and heights of the bars in the units of the axes, from their pixels."""
    svg = read(figure.svg)
    bars = [node for node in svg.all("rect") if read.title(node)]
    words = [read.title(node).replace(":", "").split() for node in bars]
    return np.array([[float(left), float(right), float(h)] for left, _, right, h in words])


def test_layers_in_a_table(mlp):
    table = theory_table(mlp)
    assert [column.name for column in table.columns][:4] == [
        "layer", "matrix", "matrices", "entry std",
    ]  # fmt: skip
    assert len(table.rows) == 10
    row, layer = table.rows[3], mlp.layers[3]
    assert row[:3] == ("layers.3", "8 x 16", "1")
    assert row[3] == f"{layer.entry_std:#.4g}"
    assert row[4:6] == (f"{layer.measured.mean:.4f}", f"{layer.predicted.mean:.4f}")
    assert row[8] == f"{layer.distance:.3f}"
    assert "note" not in [column.name for column in table.columns]


def test_notes_and_failures_in_a_table(others):
    table = theory_table(others)
    notes = [row[-1] for row in table.rows]
    assert notes == [
        "entries differ in variance (stride)",
        "all its weights are equal, and the law is one of random entries",
        "",
    ]
    assert table.rows[1][3:9] == ("n/a",) * 6


def test_cells_in_a_table(mlp):
    (row,) = cell_theory_table(mlp).rows
    cell = mlp.cells[0]
    half = (cell.interval[1] - cell.interval[0]) / 2
    assert row[:4] == (
        "0: w 8, d 10, t 8",
        f"{cell.cell.mass:.2f}",
        f"{cell.cell.average_degree.exact:.3f}",
        f"{8 + cell.cell.mass / 2:.3f}",
    )
    assert row[4] == f"{nnmass.mean_singular_value(8, cell.cell.mass, init='fan-in'):.4f}"
    assert row[5] == f"{cell.mean:.4f} ± {half:.4f}"
    assert row[6] == f"{nnmass.mean_singular_value(8, cell.cell.mass):.3f}"


def test_a_cell_without_layers_has_no_numbers():
    theory = isometry_theory("dense-mlp(w=4,d=3,t=2,in=5)", seeds=2)
    (row,) = cell_theory_table(theory).rows
    assert row[5] == row[7] == "n/a"
    with pytest.raises(SpecError, match="nothing to draw for cell 0 of dense-mlp"):
        theory_figure(theory, cell=0)
    assert "W of 10 x 6," in theory_figure(theory).caption


def test_the_histogram_is_the_measurement(mlp, read):
    figure = theory_figure(mlp)
    bars = histogram(read, figure)
    area = float(((bars[:, 1] - bars[:, 0]) * bars[:, 2]).sum())
    assert area == pytest.approx(1, abs=2e-3)
    mean = float(((bars[:, 1] ** 2 - bars[:, 0] ** 2) / 2 * bars[:, 2]).sum())
    pooled = [layer for layer in mlp.layers if (layer.rows, layer.columns) == (8, 16)]
    assert len(pooled) == 7  # the classifier has 5 rows
    assert mean == pytest.approx(np.mean([layer.measured.mean for layer in pooled]), rel=0.01)
    assert "measured, 7 layers, 4 initialisations" in read(figure.svg).texts("legend")
    assert f"average degree {mlp.cells[0].cell.average_degree.exact:.3f}" in figure.caption
    assert f"w + m/2 = {8 + mlp.cells[0].cell.mass / 2:.3f}" in figure.caption


def test_the_curve_is_the_law(mlp, read):
    svg = read(theory_figure(mlp).svg)
    (line,) = svg.all("polyline")
    points = np.array([pair.split(",") for pair in line.get("points").split()], dtype=float)
    pooled = [layer for layer in mlp.layers if (layer.rows, layer.columns) == (8, 16)]
    std = math.sqrt(np.mean([layer.entry_std**2 for layer in pooled]))
    law = SingularValueLaw(8, 16, std)
    # The axes run from the first to the last bin, and from 0: pixels give the values back.
    bars = [node for node in svg.all("rect") if svg.title(node)]
    first = next(node for node in bars)
    left, _, right, height = svg.title(first).replace(":", "").split()
    per_pixel = (float(right) - float(left)) / (float(first.get("width")) + 1)
    start = float(first.get("x")) - 0.5
    sigma = float(left) + (points[:, 0] - start) * per_pixel
    bottom = float(first.get("y")) + float(first.get("height"))
    per_y = float(height) / float(first.get("height"))
    inside = slice(5, -5)
    assert (bottom - points[inside, 1]) * per_y == pytest.approx(
        law.density(sigma[inside]), rel=0.08, abs=0.03
    )
    ends = sigma[[0, -1]]
    assert ends == pytest.approx(law.support, abs=0.01)


def test_choosing_a_layer(mlp, others):
    assert "W of 8 x 20," in theory_figure(mlp, layer="layers.0").caption
    assert "W of 5 x 16," in theory_figure(mlp, layer="layers.9").caption
    assert "Cell" not in theory_figure(mlp, layer="layers.9").caption
    assert "Cell 0" in theory_figure(mlp, cell=0).caption
    assert "W of 4 x 12," in theory_figure(others).caption  # most values


def test_layers_of_unlike_scale_are_drawn_in_units_of_it(read):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 30), nn.Linear(30, 30))
    with torch.no_grad():
        model[1].weight *= 10
    figure = theory_figure(isometry_theory(model))
    assert "in units of its layer" in read(figure.svg).texts("axis-name")[0]
    bars = histogram(read, figure)
    mean = float(((bars[:, 1] ** 2 - bars[:, 0] ** 2) / 2 * bars[:, 2]).sum())
    assert mean == pytest.approx(8 / (3 * math.pi), rel=0.03)


def test_values_outside_the_drawing_are_told():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 10))
    with torch.no_grad():
        model[0].weight[0] += 5
    caption = theory_figure(isometry_theory(model)).caption
    assert "10.0 % of the values lie outside the drawing" in caption


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "layers.0", "cell": 0}, "give a layer or a cell, not both"),
        ({"layer": "layer.3"}, r"has no layer 'layer.3'. Did you mean 'layers.3'"),
        ({"cell": 1}, "cell must be one of the 1 cells of dense-mlp"),
        ({"cell": -1}, "got -1"),
        ({"cell": True}, "got True"),
        ({"cell": "0"}, "got '0'"),
    ],
)
def test_what_cannot_be_drawn(mlp, options, message):
    with pytest.raises(SpecError, match=message):
        theory_figure(mlp, **options)


def test_a_failed_layer_is_not_drawn(others):
    with pytest.raises(SpecError, match=r"nothing to draw for layer '1' .* weights are equal"):
        theory_figure(others, layer="1")
    with pytest.raises(SpecError, match="Sequential has no cells with a published form"):
        cell_theory_table(others)


def test_a_network_that_failed_altogether_has_a_section(others):
    failed = nn.Linear(3, 3)
    nn.init.zeros_(failed.weight)
    theory = isometry_theory(failed)
    section = theory_section(theory)
    assert section.figures == ()
    assert section.tables[0].rows[0][0] == "(whole)"
    with pytest.raises(SpecError, match="weights are equal"):
        theory_figure(theory)


def test_the_section_says_the_caveat(mlp, others):
    section = theory_section(mlp)
    assert section.text == mlp.caveat
    assert len(section.figures) == 1 and len(section.tables) == 2
    page = render_html(Report("t", "a", (section, theory_section(others)), {}))
    assert page.count("the scale cancels") >= 2


@pytest.fixture(scope="module")
def by_mass():
    return [
        isometry_theory(f"dense-mlp(w=8,d={depth},t={cap},in=8)", seeds=3)
        for depth in (6, 12)
        for cap in (0, 8)
    ]


def test_mass_figure_has_both_scales(by_mass, read):
    figure = mass_theory_figure(by_mass)
    svg = read(figure.svg)
    assert svg.texts("title")[:2] == [
        "Width 8, entries of variance 1",
        "Width 8, as PyTorch starts (fan-in)",
    ]
    assert len(svg.all("polyline")) == 2
    names = [svg.title(node) for node in svg.root.iter() if svg.title(node)]
    for theory in by_mass:
        cell = theory.cells[0]
        told = [name for name in names if name.startswith(f"{theory.network} · depth")]
        assert len(told) == 2
        assert f"y {cell.unit_mean:.4g}" in told[0]
        assert f"y {cell.mean:.4g}" in told[1]
        half = (cell.unit_interval[1] - cell.unit_interval[0]) / 2
        assert f"± {half:.4g}" in told[0]
    assert "width 8" in figure.caption and "3 initialisations" in figure.caption
    assert "the scale cancels" in figure.caption


def test_mass_figure_of_plain_networks_only(by_mass):
    assert mass_theory_figure(by_mass[:1])  # mass 0


def test_mass_figure_needs_one_width(by_mass, others):
    wide = isometry_theory("dense-mlp(w=4,d=6,t=1,in=8)", seeds=1)
    with pytest.raises(SpecError, match=r"networks of the widths \[4, 8\]"):
        mass_theory_figure([*by_mass, wide])
    for none in ([], [others]):
        with pytest.raises(SpecError, match="without one cell that has numbers"):
            mass_theory_figure(none)


def test_one_initialisation_has_no_bar_of_error(read):
    theory = isometry_theory("dense-mlp(w=8,d=6,t=4,in=8)", seeds=1)
    svg = read(mass_theory_figure([theory]).svg)
    assert svg.all("path", "bar") == []
    figure = theory_figure(theory)
    assert "1 initialisation" in read(figure.svg).texts("legend")[1]


def test_panels(read):
    law = Series("law", "", [0, 1], [1, 2])
    points = [Point(i / 40, 1.0, 0.1, "", f"g{i}") for i in range(12)]
    body = law_panel(law, points=points, x_label="x", y_label="y", title="t")
    svg = read(drawing(body, width=840, height=440, title="t", summary="s"))
    looks = {(node.tag, node.get("class"), node.get("points") and len(node.get("points").split()))
             for node in svg.root.iter() if "key" in (node.get("class") or "").split()}  # fmt: skip
    assert len(looks) == 12
    assert len(svg.all("path", "bar")) == 12
    assert "0" in svg.texts("tick-y")  # the axis starts there, though no value is below 0.9
    empty = dataclasses.replace(law, x=[], y=[])
    with pytest.raises(SpecError, match="law_panel got a law without a point"):
        law_panel(empty, bars=[Bar(0, 1, 1)], x_label="x", y_label="y", title="t")
