"""What the room may cost and must keep: imports, colours, size of a page."""

import re
import subprocess
import sys
from importlib.resources import files

import pytest

from nnmass import report
from nnmass.report import CellDrawing, Figure, Report, Section, arc_diagram, render_html
from nnmass.tracing import Link


def test_every_public_name_loads_and_none_needs_torch():
    code = (
        "import sys; from nnmass.report import Table, format_count\n"
        "early = {'jinja2', 'numpy', 'rich'} & set(sys.modules)\n"
        "from nnmass.report import render_html, render_table, scatter, curves, arc_diagram\n"
        "from nnmass.report import write_report, Report, Section, Figure, Point, Series\n"
        "from nnmass.report import cell_drawing, cell_groups, topology_diagram\n"
        "from nnmass.report import flow_figure, flow_table, latency_table\n"
        "print(sorted(early), 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False False"


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(2 * c for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def schemes():
    page = files("nnmass.report").joinpath("_web", "page.css").read_text("utf-8")
    drawn = arc_diagram([CellDrawing(label="c", names=("a",), widths=(1,))], title="t")
    for text, start in ((page, ":root"), (drawn, r"\.nnm")):
        light, dark = re.findall(start + r"\{(.*?--ink:.*?)\}", text, re.S)[:2]
        base = dict(re.findall(r"--(\w+):(#\w+)", light))
        yield base
        yield base | dict(re.findall(r"--(\w+):(#\w+)", dark))


def test_text_stands_out_from_its_ground_in_light_and_dark():
    found = list(schemes())
    assert len({scheme["paper"] for scheme in found}) == 2
    for scheme in found:
        for text in {"ink", "soft", "accent"} & set(scheme):
            for ground in {"paper", "panel"} & set(scheme):
                assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground, scheme)
        if "arc" in scheme:
            assert contrast(scheme["arc"], scheme["paper"]) >= 3


def test_a_page_of_three_dense_networks_stays_small():
    full = [Link(source=j, target=i, channels=16) for i in range(21) for j in range(i - 1)]
    names = [f"layer {i}" for i in range(21)]
    cells = [
        CellDrawing(label=f"cell {k}", names=names, widths=[16] * 21, links=full) for k in range(3)
    ]
    figures = tuple(Figure(arc_diagram(cells, title="net"), "caption") for _ in range(3))
    page = render_html(Report("t", "a", (Section("s", figures=figures),), {}))
    assert len(page.encode()) < 300_000


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'pie_chart'"):
        _ = report.pie_chart
