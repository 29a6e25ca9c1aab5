"""What a browser makes of a drawing and a page; needs chromium."""

import random
import re
import shutil
import subprocess

import pytest
import torch
from torch import nn

from nnmass.design import design, pareto_front
from nnmass.probes import ProbedNetwork, gradient_flow, ldi
from nnmass.report import (
    CellDrawing,
    Column,
    Figure,
    Point,
    Report,
    Section,
    Series,
    Table,
    arc_diagram,
    cell_drawing,
    curves,
    flow_figure,
    ldi_against,
    ldi_figure,
    pareto_figure,
    report_design,
    scatter,
    write_report,
)
from nnmass.tracing import Link, TracedCell

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed"),
]

PROBE = """<script>
const boxes = [...document.querySelectorAll('svg')].map(svg =>
  [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect(),
                                                 svg.getBoundingClientRect()]));
const bad = [];
for (const drawing of boxes) for (const [i, [a, p, s]] of drawing.entries()) {
  if (p.left < s.left - 1 || p.right > s.right + 1 || p.bottom > s.bottom + 1)
    bad.push('out: ' + a);
  for (const [b, q] of drawing.slice(i + 1))
    if (p.left < q.right && q.left < p.right && p.top + 4 < q.bottom && q.top + 4 < p.bottom)
      bad.push(a + ' over ' + b);
}
const wide = document.documentElement.scrollWidth > innerWidth ? ['page scrolls sideways'] : [];
document.title = 'found: ' + JSON.stringify(bad.concat(wide));
</script>"""


def opened(path, tmp_path, *flags):
    return subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         f"--user-data-dir={tmp_path / 'profile'}", *flags, "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


def example():
    rng = random.Random(1)
    links = tuple(
        Link(source=j, target=i, channels=i * j % 9, has_layer=j == 3)
        for i in range(21)
        for j in range(i - 1)
    )
    traced = TracedCell(
        kind="concatenation",
        chain=tuple(f"block{i}.conv" for i in range(21)),
        widths=(16,) * 21,
        link_list=links,
        flags=("the metric was not made for cells of so long a name, which must be folded " * 3,),
    )
    cells = [cell_drawing(traced, label=f"cell {k}") for k in range(3)]
    names = {"x_label": "MACs", "y_label": "accuracy (%)", "title": "forty nets"}
    points = [
        Point(
            10 ** rng.uniform(5, 7), rng.uniform(90, 98), rng.random() / 2, f"WMW {k}", f"g{k % 3}"
        )
        for k in range(40)
    ]
    spec = "dense-cnn(wm=1,d={},t=20/40/60)"
    series = [Series(spec.format(k), f"g{k % 3}", [0, 1], [k, k * k]) for k in range(9)]
    torch.manual_seed(0)
    layers = [part for k in range(9) for part in (nn.Linear(3, 3), nn.ReLU())]  # some die
    flow = gradient_flow(nn.Sequential(*layers), torch.randn(8, 3), torch.arange(8) % 3, steps=1)
    specs = [f"dense-mlp(w=4,d={d},t={t},in=6)" for d in (8, 12) for t in (0, 3)]
    found = [ldi(name, torch.randn(4, 6), seeds=2) for name in specs]
    probed = [
        ProbedNetwork(
            name=one.network, mass=i // 2, params=9, macs=9, depth=i, results={"ldi": one}
        )
        for i, one in enumerate(found)
    ]
    drawings = (
        flow_figure(flow).svg,
        ldi_figure(found[-1]),
        ldi_against(probed),
        arc_diagram(cells, title="three cells"),
        scatter(points, **names, log_x=True),
        curves(series, **names),
        pareto_figure(pareto_front(like="mobilenet-v2", levels=12)),
    )
    rows = ((spec.format(21), *(["97.8 ± 0.3"] * 9)),)
    table = Table((Column("network", "left"), *(Column(f"number {k}") for k in range(9))), rows)
    section = Section("All", figures=tuple(Figure(d, "caption") for d in drawings), tables=(table,))
    return Report("An example", "It fits.", (section,), {"command": "x" * 300})


def test_the_console_stays_silent(tmp_path):
    path = tmp_path / "report.html"
    write_report(example(), path)
    page = opened(path, tmp_path)
    assert "CONSOLE" not in page.stderr
    assert "It fits." in page.stdout
    broken = tmp_path / "broken.html"  # or else the line above could not fail
    broken.write_text(path.read_text("utf-8") + "<img src='http://example.org/x.png'>", "utf-8")
    assert "CONSOLE" in opened(broken, tmp_path).stderr


def test_the_probe_of_the_next_test_can_fail(tmp_path):
    path = tmp_path / "overlap.html"
    twice = "<text x='9' y='20'>one</text><text x='12' y='22'>two</text>"
    path.write_text(f"<svg><text x='-90' y='80'>away</text>{twice}</svg>{PROBE}", "utf-8")
    found = opened(path, tmp_path).stdout
    assert '["out: away","one over two"]' in found.replace("&quot;", '"')


def designed():
    like = "mobilenet-v2(stem=cifar,image=32,classes=10)"
    return report_design(design(like=like, top=4), pareto_front(like=like, levels=4))


@pytest.mark.parametrize("width", [500, 1200])
@pytest.mark.parametrize("made", [example, designed])
def test_no_text_lies_over_another_or_outside(tmp_path, width, made):
    path = tmp_path / "report.html"
    write_report(made(), path)
    html = path.read_text("utf-8")
    free, n = re.subn('<meta http-equiv="Content-Security-Policy".*?>', "", html)
    assert n == 1
    path.write_text(free + PROBE, "utf-8")
    page = opened(path, tmp_path, f"--window-size={width},1000")
    assert "<title>found: []</title>" in page.stdout, page.stdout[:3000]


@pytest.mark.parametrize(("scheme", "ground"), [(0, "rgb(20, 23, 28)"), (1, "rgb(255, 255, 255)")])
def test_a_drawing_in_a_file_brings_its_ground(tmp_path, scheme, ground):
    """A browser shows an SVG file on white, even where its letters are light for a dark screen."""
    probe = (
        "<script>const ground = getComputedStyle(document.documentElement).backgroundColor;"
        "document.documentElement.setAttribute('data-ground', ground);</script>"
    )
    drawn = arc_diagram([CellDrawing(label="c", names=("a",), widths=(1,))], title="t")
    file = tmp_path / "cells.svg"
    file.write_text(drawn.replace("</svg>", f"{probe}</svg>"))
    done = opened(file, tmp_path, f"--blink-settings=preferredColorScheme={scheme}")
    assert f'data-ground="{ground}"' in done.stdout
