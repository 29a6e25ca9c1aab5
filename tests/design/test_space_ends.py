import random

import pytest

from nnmass.design import Space, measure_latency_table
from nnmass.design._space_ends import space_ends
from nnmass.errors import SpecError

SPACES = [
    "dense-cnn(wm=1..2,d=3..5,t=*/*,image=8)",
    "dense-cnn(wm=1,d=3..4/4..6,t=*..8/0|5|9,in=1,image=8)",
    "dense-cnn-dw(wm=1,d=3..5,t=*/*,image=8)",
    "densenet(growth=4|6,blocks=1..3/2..4,stem=cifar,image=8)",
    "resnet(blocks=1..3/1..2,stem=cifar,classes=10,image=8)",
    "resnext(blocks=1..2/1..3,groups=2|4,width=4,stem=cifar,classes=10,image=8)",
    "wide-resnet(blocks=1..2/1..2/1..2,widen=1|2,classes=10,image=8)",
    "mobilenet-v2(wm=1|1.2,rows=1|4:8:1..2:1/2..4:12:1..3:2,stem=cifar,image=8)",
    "mobilenet-v2(wm=1,rows=1:8:1:1/1|4|6:12:1..3:2,stem=cifar,image=8)",
]


def readable(text):
    """The space; not all families can vary their blocks yet."""
    try:
        space = Space.parse(text)
        next(space.frames())
    except SpecError as error:
        pytest.skip(str(error))
    return space


def any_networks(space, n, *, seed=0):
    rng = random.Random(seed)
    frames = list(space.frames())
    for _ in range(n):
        frame = rng.choice(frames)
        slots = frame.price(None).slots
        yield frame.spec([slot.settings[rng.randrange(len(slot))].tolist() for slot in slots])


@pytest.mark.parametrize("text", SPACES)
def test_a_table_of_the_ends_tells_every_network(text):
    space = readable(text)
    table = measure_latency_table(
        space_ends(space), max_seconds=1e-9, n_points=2, stopwatch=lambda call: 1.0
    )
    networks = set(any_networks(space, 60))
    assert len(networks) > 8
    assert table.missing(networks) == ()


def test_half_of_the_ends_would_not_do():
    """Or else the test above could not fail."""
    space = Space.parse(SPACES[0])
    table = measure_latency_table(
        space_ends(space)[:2], max_seconds=1e-9, n_points=2, stopwatch=lambda call: 1.0
    )
    assert table.missing(any_networks(space, 60))


def test_the_ends_are_of_the_space_and_each_comes_once():
    space = Space.parse("dense-cnn(wm=1,d=3..4,t=0|2/*)")
    ends = [str(spec) for spec in space_ends(space)]
    assert ends == [
        "dense-cnn(wm=1,d=3,t=0/0)",
        "dense-cnn(wm=1,d=3,t=2/32)",
        "dense-cnn(wm=1,d=4,t=0/0)",
        "dense-cnn(wm=1,d=4,t=2/64)",
    ]
    assert len(space_ends(Space.parse("dense-mlp(w=4,d=5,t=3)"))) == 1


def test_a_family_without_skips():
    with pytest.raises(SpecError, match="no skips"):
        space_ends(Space.parse("vgg(depth=16)"))
