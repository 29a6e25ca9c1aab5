from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import MassRule, parse
from nnmass.errors import SpecError

# Simonyan and Zisserman, table 1; M is a max pooling.
TABLE = {
    11: "64 M 128 M 256 256 M 512 512 M 512 512 M",
    13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


@given(
    st.sampled_from(list(TABLE)),
    st.booleans(),
    st.sampled_from(["imagenet", "cifar"]),
    st.integers(32, 260),
    st.integers(1, 200),
)
def test_cost_is_that_of_the_layers(tally, depth, bn, stem, image, classes):
    spec = parse(
        f"vgg(depth={depth},bn={str(bn).lower()},stem={stem},image={image},classes={classes})"
    )
    net, inputs = tally(image), 3
    for entry in TABLE[depth].split():
        if entry == "M":
            net.pool(2, 2)
            continue
        net.conv(inputs, int(entry), 3, bias=True)
        if bn:
            net.norm(int(entry))
        inputs = int(entry)
    if stem == "imagenet":
        net.linear(512 * 7 * 7, 4096)
        net.linear(4096, 4096)
        inputs = 4096
    net.linear(inputs, classes)
    assert (spec.params, spec.macs) == net.both
    assert (spec.cells, spec.mass, spec.mass_by(MassRule(sum_over="all-nodes"))) == ((), 0.0, 0.0)
    assert spec.input_shape == (3, image, image)


# torchvision's documentation.
@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("vgg(depth=11)", 132_863_336),
        ("vgg(depth=13)", 133_047_848),
        ("vgg(depth=16)", 138_357_544),
        ("vgg(depth=19)", 143_667_240),
        ("vgg(depth=16,bn=true)", 138_365_992),
    ],
)
def test_known_parameter_counts(text, params):
    assert parse(text).params == params


def test_images_below_32_pixels():
    with pytest.raises(SpecError) as caught:
        parse("vgg(depth=11,stem=cifar,image=28)")
    assert str(caught.value) == (
        "vgg: image must be at least 32 pixels, got 28: five poolings halve the side; give "
        "image=32 and pad or resize the images"
    )
    assert parse("vgg(depth=11,stem=cifar,in=1,image=32)").input_shape == (1, 32, 32)
    with pytest.raises(SpecError, match="stem must be imagenet or cifar, got 'mnist'"):
        parse("vgg(depth=11,stem=mnist)")


def test_defaults():
    spec = parse("vgg(depth=16)")
    assert (spec.batch_norm, spec.stem, spec.image, spec.classes) == (False, "imagenet", 224, 1000)
    assert str(parse("vgg(depth=16,bn=true,stem=cifar,image=32)")) == (
        "vgg(depth=16,bn=true,stem=cifar)"
    )
