"""Pictures inside drawings: read back by another library, and nothing but their own pixels."""

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest

from nnmass.errors import SpecError
from nnmass.report import Figure, Tile, image_grid, png_uri

GREY = np.arange(12, dtype=np.uint8).reshape(1, 3, 4) * 20
COLOUR = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)


@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_a_png_is_read_back_by_another_library(pixels):
    image = pytest.importorskip("PIL.Image")
    data = base64.b64decode(png_uri(pixels).partition(",")[2])
    shown = np.asarray(image.open(io.BytesIO(data)))
    assert np.array_equal(shown.reshape(*pixels.shape[1:], -1), pixels.transpose(1, 2, 0))


@pytest.mark.parametrize(
    "pixels",
    [GREY.astype(float), GREY[0], np.zeros((2, 3, 3), np.uint8), np.zeros((1, 0, 3), np.uint8)],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(SpecError, match="a picture must be uint8"):
        png_uri(pixels)


def tile(box=(2, 2), **changes):
    return Tile(**{"pixels": GREY, "lines": ("7", "2 px"), "box": box, "name": "a 7", **changes})


def test_a_grid_has_its_images_boxes_and_names():
    svg = image_grid([tile(), tile(box=None, name="a <9>")], title="t", columns=1)
    root = ElementTree.fromstring(svg)
    names = [node.tag.rpartition("}")[2] for node in root.iter()]
    assert names.count("image") == 2
    assert names.count("rect") == 2  # one box, light below dark
    assert "a &lt;9&gt;" in svg
    assert Figure(svg, "caption").svg == svg
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    for node in root.iter("{http://www.w3.org/2000/svg}image"):
        assert 0 <= float(node.attrib["x"]) <= width - float(node.attrib["width"])
        assert 0 <= float(node.attrib["y"]) <= height - float(node.attrib["height"])


def test_a_box_has_the_size_of_its_pixels():
    root = ElementTree.fromstring(image_grid([tile(box=(3, 1))], title="t"))
    image = next(root.iter("{http://www.w3.org/2000/svg}image"))
    box = next(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert float(box.attrib["height"]) == pytest.approx(float(image.attrib["height"]), abs=0.02)
    assert float(box.attrib["width"]) == pytest.approx(float(image.attrib["width"]) / 4, abs=0.02)


def test_an_empty_grid_is_refused():
    with pytest.raises(SpecError, match="no tiles"):
        image_grid([], title="t")


@pytest.mark.parametrize(
    "href", ["https://example.org/a.png", "data:image/svg+xml;base64,AA", "file:///a.png"]
)
def test_a_figure_takes_no_picture_from_outside(href):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{href}"/></svg>'
    with pytest.raises(SpecError, match="must not run code or point elsewhere"):
        Figure(svg, "caption")
