import base64
import errno
import hashlib
import os
import re
from html.parser import HTMLParser

import pytest

from nnmass.errors import SpecError, StoreError
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
    curves,
    render_html,
    scatter,
    write_report,
)
from nnmass.tracing import Link

EVIL = "<script>alert('x')</script>\" onload=\"y & \x00 http://example.org"
VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}


def report(text="plain"):
    skip = Link(source=0, target=2, channels=3)
    cells = [
        CellDrawing(
            label=text,
            names=[text] * 3,
            widths=(4, 4, 4),
            links=[skip],
            facts=[text],
            flags=[text],
        )
    ]
    names = {"x_label": text, "y_label": text, "title": text}
    points = [Point(1, 1, 0.1, text, text), Point(2, 2, 0.1, text, text + "2")]
    series = [Series(text, text, [0, 1], [1, 2]), Series(text, text + "2", [0, 1], [1, 3])]
    drawings = (
        arc_diagram(cells, title=text),
        scatter(points, **names),
        curves(series, **names),
    )
    table = Table((Column(text, "left"), Column(text, unit=text)), ((text, text),), text)
    section = Section(text, text, tuple(Figure(svg, text) for svg in drawings), (table,))
    return Report(text, text, (section,) * 4, {text: text})


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.attributes, self.data = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append(data)


@pytest.mark.parametrize("text", ["plain", EVIL])
def test_a_page_fetches_nothing_and_runs_its_own_script_alone(text):
    html = render_html(report(text))
    page = Page(html)
    assert not page.open
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert page.tags.count("script") == len(scripts) == 1
    allowed = re.search(r"script-src ([^\"]*)", html).group(1).split()
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()) for one in scripts)
    assert allowed == [f"&#39;sha256-{digest.decode()}&#39;" for digest in digests]
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href", "xlink:href", "data", "action", "srcset"):
            assert value.startswith("#"), (tag, value)
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    assert "url(" not in styles
    assert "@import" not in styles
    assert "default-src 'none'" in html


def test_hostile_text_changes_no_tag_of_the_page():
    harmless, hostile = (Page(render_html(report(text))) for text in ("p", EVIL))
    breaks = {"wbr", "tspan"}  # long texts fold
    assert [t for t in hostile.tags if t not in breaks] == [
        t for t in harmless.tags if t not in breaks
    ]
    assert "<script>alert('x')</script>" in "".join(hostile.data)  # shown as text


def test_a_page_is_readable_without_seeing_it():
    page = Page(render_html(report()))
    names = [(tag, name) for tag, name, _ in page.attributes]
    assert ("html", "lang", "en") in page.attributes
    headings = [tag for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings == ["h1"] + ["h2"] * 5
    assert page.tags.count("figure") == page.tags.count("figcaption") == 12
    assert names.count(("svg", "aria-label")) == page.tags.count("svg") == 12
    assert page.attributes.count(("th", "scope", "col")) == 8
    assert page.attributes.count(("th", "scope", "row")) == 4
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = [value[1:] for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert len(targets) == 4
    assert set(targets) <= set(ids)


def test_paragraphs_part_at_blank_lines():
    html = render_html(Report("t", "a", (Section("h", "one\n\n\n two\nstill two\n\n"),), {}))
    assert re.findall(r"<p>(.*?)</p>", html, re.S) == ["one", "two\nstill two"]


@pytest.mark.parametrize(
    "svg",
    [
        "<p>no drawing</p>",
        "<svg>",
        "",
        "<svg><script/></svg>",
        "<svg onload='x'/>",
        "<svg><a href='http://example.org'/></svg>",
        "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>",
        "<svg xmlns:xlink='http://www.w3.org/1999/xlink'><rect xlink:href='http://e.org'/></svg>",
        "<svg/><script/>",
    ],
)
def test_a_figure_that_is_no_quiet_drawing_is_refused(svg):
    with pytest.raises(SpecError, match=r"Figure\.svg"):
        Figure(svg, "caption")


def test_writing_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b" / "report.html"
    write_report(report("old"), path)
    write_report(report("new"), path)
    assert path.read_text(encoding="utf-8") == render_html(report("new"))
    assert list(path.parent.iterdir()) == [path]


def test_text_that_no_file_can_hold_is_still_written(tmp_path):
    write_report(Report("lone \udc80 surrogate", "a", (), {}), tmp_path / "r.html")
    assert "lone ? surrogate" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_older_file_whole(tmp_path, monkeypatch, call):
    path = tmp_path / "report.html"
    path.write_text("older", encoding="utf-8")

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        write_report(report(), path)
    assert str(path) in str(caught.value)
    assert "Free some space" in str(caught.value)
    assert path.read_text(encoding="utf-8") == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot write"):
        write_report(report(), tmp_path / "file" / "report.html")
    with pytest.raises(StoreError, match="cannot write"):
        write_report(report(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
