"""The report in a real browser: figures drawn, tables at work, nothing asked of anybody."""

import csv
import io
import json

import pytest

import nnmass
from nnmass.design import design, pareto_front
from nnmass.report import (
    Column,
    Point,
    Report,
    Section,
    Table,
    report_design,
    report_of,
    scatter_figure,
    write_report,
)
from report.browsing import WHY_NOT, opened

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

LIKE = "dense-cnn(wm=1,d=8,t=20/40)"


@pytest.fixture(scope="module", name="pages")
def pages_fixture(tmp_path_factory):
    """The same report twice: with plotly, and with still pictures alone."""
    folder = tmp_path_factory.mktemp("pages")
    page = report_design(design(like=LIKE, top=4), pareto_front(like=LIKE, levels=6))
    paths = {"live": folder / "live.html", "light": folder / "light.html"}
    write_report(page, paths["live"], interactive=True)
    write_report(page, paths["light"])
    return paths


def test_sizes(pages):
    assert pages["live"].stat().st_size < 6e6
    assert pages["light"].stat().st_size < 300e3
    assert "plotly" not in pages["light"].read_text("utf-8").lower()


def test_figures_are_drawn_and_tell_what_they_are(chromium, pages):
    with opened(chromium, pages["live"].as_uri(), own="file://") as page:
        page.locator("figure[data-chart]").scroll_into_view_if_needed()
        page.wait_for_selector("figure.live .main-svg")
        assert page.locator("figure.live .scatterlayer .point").count() >= 12
        still = page.locator("figure.live .still svg")
        assert "least in all" in still.locator("desc").text_content()
        page.locator("figure.live .point").first.hover(force=True)
        assert "NN-Mass" in page.wait_for_selector(".hoverlayer .hovertext").text_content()


def test_a_click_on_a_mark_copies_its_spec(chromium, pages):
    with opened(chromium, pages["live"].as_uri(), own="file://") as page:
        page.locator("figure[data-chart]").scroll_into_view_if_needed()
        page.wait_for_selector("figure.live .main-svg")
        page.locator("figure.live .point").first.hover(force=True)
        page.wait_for_selector(".hoverlayer .hovertext")
        page.mouse.down()
        page.mouse.up()
        page.wait_for_selector("#told.shown")
        assert page.inner_text("#told").startswith("copied: dense-cnn(")
    with opened(chromium, pages["light"].as_uri(), own="file://") as page:
        page.locator("svg [data-copy]").first.click()
        page.wait_for_selector("#told.shown")
        assert page.inner_text("#told").startswith("copied: dense-cnn(")


def test_still_pictures_can_be_asked_for_and_print_shows_them(chromium, pages):
    with opened(chromium, pages["live"].as_uri(), own="file://") as page:
        page.locator("figure[data-chart]").scroll_into_view_if_needed()
        page.wait_for_selector("figure.live .main-svg")
        svg, chart = page.locator("figure.live .still svg"), page.locator("figure.live .chart")
        narrow = page.locator("figure.live .still").bounding_box()["width"]
        assert narrow <= 1.0 and chart.is_visible()  # there for who cannot see
        page.emulate_media(media="print")
        assert not chart.is_visible()
        assert svg.bounding_box()["width"] > 300
        assert not page.locator(".tools").first.is_visible()
        page.emulate_media(media="screen")
        page.focus("#stills")
        page.keyboard.press("Enter")
        assert page.get_attribute("#stills", "aria-pressed") == "true"
        assert not chart.is_visible() and svg.is_visible()


@pytest.mark.parametrize("kind", ["live", "light"])
def test_tables_are_sorted_by_keyboard_and_saved(chromium, pages, kind):
    with opened(chromium, pages[kind].as_uri(), own="file://", accept_downloads=True) as page:
        table = page.locator("table").first
        head = table.locator("th", has_text="params").first
        cells = table.locator("tbody tr td:nth-child(4)")
        before = cells.all_text_contents()
        head.locator("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        rising = cells.all_text_contents()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert cells.all_text_contents() == rising[::-1]
        assert sorted(before) == sorted(rising) and before != rising
        numbers = [float(text.split()[0]) for text in rising]
        assert numbers == sorted(numbers)
        with page.expect_download() as found:
            page.locator(".tools button").first.click()
        text = found.value.path().read_text("utf-8")
        rows = list(csv.DictReader(io.StringIO(text)))
        front = design(like=LIKE, top=4)
        assert {row["network"] for row in rows} == {LIKE, *(str(one.spec) for one in front)}


def test_numbers_with_prefixes_and_words_sort_as_numbers(chromium, tmp_path):
    cells = ["9 k", "1.5 M", "n/a", "800", "2 KiB", "-3", "97.8 ± 0.3", "1,234", "-"]
    table = Table((Column("a", "left"), Column("b")), tuple((c, c) for c in cells))
    path = tmp_path / "table.html"
    write_report(Report("t", "a", (Section("s", tables=(table,)),), {}), path)
    with opened(chromium, path.as_uri(), own="file://") as page:
        page.locator("th button").nth(1).click()
        found = page.locator("tbody td").all_text_contents()
    assert found[:7] == ["-3", "97.8 ± 0.3", "800", "1,234", "2 KiB", "9 k", "1.5 M"]
    assert set(found[7:]) == {"n/a", "-"}


@pytest.mark.parametrize(("scheme", "ground"), [("light", "255, 255, 255"), ("dark", "20, 23, 28")])
def test_light_and_dark(chromium, pages, scheme, ground):
    with opened(chromium, pages["live"].as_uri(), own="file://", color_scheme=scheme) as page:
        page.locator("figure[data-chart]").scroll_into_view_if_needed()
        page.wait_for_selector("figure.live .main-svg")
        read = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(read) == f"rgb({ground})"
        ink = page.locator("figure.live .gtitle").evaluate("node => getComputedStyle(node).fill")
        assert ink == ("rgb(27, 31, 36)" if scheme == "light" else "rgb(232, 235, 239)")


def test_a_narrow_screen_does_not_scroll_sideways(chromium, pages):
    size = {"width": 420, "height": 800}
    with opened(chromium, pages["live"].as_uri(), own="file://", viewport=size) as page:
        page.locator("figure[data-chart]").scroll_into_view_if_needed()
        page.wait_for_selector("figure.live .main-svg")
        assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_a_thousand_points_and_twelve_cells(chromium, tmp_path):
    """Long labels too: still drawn, still readable, still within the page."""
    points = [
        Point(10 + k, (k * 37) % 101, 0.0, "", f"a long <b>name</b> of a group, number {k % 5}",
              hint=f"network <{k}>", copy=f"net-{k}")
        for k in range(1000)
    ]  # fmt: skip
    names = {"x_label": "parameters", "y_label": "accuracy", "title": "A thousand <networks>"}
    spec = nnmass.parse("dense-cnn(wm=1,d=9,t=" + "/".join(["20"] * 12) + ",image=4096)")
    told = {
        "schema": "nnmass.mass/1", "spec": str(spec), "mass": spec.mass, "params": spec.params,
        "macs": spec.macs, "cells": [cell.to_dict() for cell in spec.cells],
    }  # fmt: skip
    part = report_of([json.dumps(told)])
    many = Section("Many", figures=(scatter_figure(points, "caption", **names),))
    path = tmp_path / "many.html"
    write_report(Report("t", "a", (many, *part.sections), {}), path, interactive=True)
    with opened(chromium, path.as_uri(), own="file://") as page:
        page.wait_for_selector("figure.live .main-svg")
        assert page.locator("figure.live .point").count() == 1000
        assert page.locator("svg .cell").count() == 12
        assert "a long <b>name</b>" in page.locator(".legendtext").first.text_content()
        assert "A thousand <networks>" in page.locator(".gtitle").text_content()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1200


def test_a_page_that_complains_is_noticed(chromium, tmp_path):
    """Or else no test above could fail."""
    path = tmp_path / "bad.html"
    path.write_text("<script>console.error('x')</script>")
    with (
        pytest.raises(AssertionError),
        opened(chromium, path.as_uri(), own="file://") as page,
    ):
        page.wait_for_timeout(100)
    path.write_text("<img src='http://127.0.0.1:9/x.png'>")
    with (
        pytest.raises(AssertionError),
        opened(chromium, path.as_uri(), own="file://") as page,
    ):
        page.wait_for_timeout(100)
