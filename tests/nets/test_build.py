"""What holds for every built network: counts, gradients, modes, seeds, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import nnmass
from nnmass.errors import DeviceError, SpecError
from nnmass.nets import Net
from nnmass.topology import draw_links

# Section 4 of the specification and the counts that torchvision's networks of these names have.
PARAMS = {
    "dense-mlp(w=8,d=16,t=1)": 7492,
    "dense-mlp(w=8,d=16,t=20,in=2,classes=2)": 3042,
    "resnet(depth=18)": 11_689_512,
    "resnet(depth=34)": 21_797_672,
    "resnet(depth=50)": 25_557_032,
    "resnet(depth=101)": 44_549_160,
    "resnet(depth=152)": 60_192_808,
    "resnext(depth=50)": 25_028_904,
    "resnext(depth=101,width=8)": 88_791_336,
    "wide-resnet(depth=50,widen=2)": 68_883_240,
    "wide-resnet(depth=101,widen=2)": 126_886_696,
    "wide-resnet(depth=28,widen=10)": 36_479_194,
    "resnet(depth=20)": 269_722,
    "densenet(depth=121)": 7_978_856,
    "densenet(depth=161)": 28_681_000,
    "densenet(depth=169)": 14_149_480,
    "densenet(depth=201)": 20_013_928,
    "densenet(depth=100,growth=12)": 769_162,
    "densenet(depth=40,bottleneck=0,growth=12)": 1_019_722,
    "mobilenet-v2": 3_504_872,
    "vgg(depth=11)": 132_863_336,
    "vgg(depth=16)": 138_357_544,
    "vgg(depth=19,bn=true)": 143_678_248,
}
SIZED = [
    "dense-mlp(w=7,d=3,t=100,in=2,classes=1)",
    "dense-cnn(wm=1,d=3,t=5,image=8,in=1)",
    "dense-cnn(wm=2,d=3/4,t=50/7,image=33)",
    "dense-cnn(wm=1,d=5/3/4,t=20/8/100,image=28,classes=7)",
    "dense-cnn(wm=1,d=4,t=0/9/0/30,image=33)",
    "dense-cnn(wm=1,d=3,t=8/8/8/8/8,image=32,in=2)",
    "dense-cnn(wm=1,d=3,t=8/8,image=224)",
    "dense-cnn-dw(wm=1,d=3,t=5,image=8,in=1)",
    "dense-cnn-dw(wm=2,d=3/4,t=50/7,image=33)",
    "dense-cnn-dw(wm=1,d=5/3/4,t=20/8/100,image=28,classes=7)",
    "dense-cnn-dw(wm=1,d=3,t=8/8/8/8/8,image=33)",
    "resnet(depth=18,stem=mnist)",
    "resnet(depth=18,image=33,classes=3)",
    "resnet(depth=50,stem=cifar,image=33,wm=0.5,shortcut=pad)",
    "resnet(depth=14,image=28,in=1,wm=1.5)",
    "resnet(depth=20,shortcut=projection,image=33)",
    "resnet(depth=20,stem=imagenet,image=8)",
    "wide-resnet(depth=16,widen=3,image=33,in=5)",
    "wide-resnet(depth=10,widen=1,stem=imagenet,image=28)",
    "wide-resnet(depth=50,widen=1,image=32)",
    "resnext(depth=50,groups=3,width=5,image=33,classes=11)",
    "resnext(depth=50,groups=1,width=7,stem=mnist)",
    "mobilenet-v2(wm=0.35,image=33)",
    "mobilenet-v2(wm=1.4,stem=cifar,image=28,classes=100)",
    "mobilenet-v2(wm=0.5,stem=mnist,image=8)",
    "densenet(depth=121,image=33,classes=7)",
    "densenet(blocks=1/2/1/1/3,growth=5,bottleneck=3,compression=0.3,image=70,in=2)",
    "densenet(blocks=1,growth=1,bottleneck=1,first=1,image=3,in=1)",
    "densenet(blocks=4/3,bottleneck=0,growth=7,compression=0.7,stem=mnist)",
    "densenet(blocks=3/1/2,bottleneck=0,growth=6,stem=imagenet,image=33)",
    "vgg(depth=13,image=33)",
    "vgg(depth=13,bn=true,stem=cifar,image=70,in=1)",
]


def both_counts(text):
    """Parameters and half the operations of a network that allocates nothing."""
    net = nnmass.build(text, device="meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, *net.spec.input_shape, device="meta"))
    assert counter.get_total_flops() % 2 == 0
    return net.spec, sum(p.numel() for p in net.parameters()), counter.get_total_flops() // 2


@pytest.mark.parametrize("text", [*PARAMS, *SIZED])
def test_counts_of_the_module_are_those_of_the_spec(text):
    spec, params, macs = both_counts(text)
    assert (params, macs) == (spec.params, spec.macs)
    assert params == PARAMS.get(text, params)


@pytest.mark.parametrize("size", [32, 224])
def test_every_family_takes_small_and_large_images(size):
    for text in (
        f"dense-cnn(wm=1,d=3,t=8/8/8,image={size})",
        f"dense-cnn-dw(wm=1,d=3,t=8/8/8,image={size})",
        f"resnet(depth=18,image={size})",
        f"wide-resnet(depth=10,widen=1,image={size})",
        f"resnext(depth=50,image={size})",
        f"densenet(depth=121,image={size})",
        f"densenet(depth=40,growth=12,image={size})",
        f"mobilenet-v2(image={size})",
        f"vgg(depth=11,image={size})",
    ):
        net = nnmass.build(text, device="meta")
        out = net(torch.zeros(3, *net.spec.input_shape, device="meta"))
        assert out.shape == (3, net.spec.classes), text


def test_every_tensor_and_module_is_used(text, inputs):
    """Defect 14: parameters that nothing uses. Defects 7 and 9: forwards that fail."""
    net = nnmass.build(text)
    called = set()
    for name, module in net.named_modules():
        if name.rpartition(".")[2] != "links":
            module.register_forward_hook(lambda *_, name=name: called.add(name))
    with torch.random.fork_rng():
        loss = net(inputs(net.spec)).logsumexp(1).sum()
    loss.backward()
    lists = {name for name, m in net.named_modules() if isinstance(m, nn.ModuleList)}
    links = {name for name, _ in net.named_modules() if name.rpartition(".")[2] == "links"}
    assert called == {name for name, _ in net.named_modules()} - lists - links
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_statistics_follow_in_training_and_only_there(text, inputs, logits):
    """Defect 4: batch norms frozen by the constructor."""
    net = nnmass.build(text)
    assert all(module.training for module in net.modules())
    before = {key: value.clone() for key, value in net.named_buffers()}
    x = inputs(net.spec)
    logits(net, x)
    assert all(torch.equal(before[key], value) for key, value in net.named_buffers())
    with torch.random.fork_rng():
        net.train()(x)
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.num_batches_tracked == 1
            assert not torch.equal(before[f"{name}.running_mean"], module.running_mean), name
            assert not torch.equal(before[f"{name}.running_var"], module.running_var), name
    assert not any(module.training for module in net.eval().modules())


def test_images_of_a_batch_do_not_meet_in_inference(text, inputs, logits):
    net = nnmass.build(text)
    x = inputs(net.spec)
    torch.testing.assert_close(logits(net, x)[1:2], logits(net, x[1:2]), rtol=1e-4, atol=1e-5)


def test_a_network_knows_its_spec_its_seed_and_its_mass(text):
    """Defect 8: a mass that is there only after another call."""
    net = nnmass.build(text, seed=np.int64(3))
    assert isinstance(net, Net)
    assert net.spec == nnmass.parse(text)
    assert (net.seed, type(net.seed)) == (3, int)
    assert net.mass == net.spec.mass


def test_a_seed_gives_the_same_bits_and_moves_no_generator(text, same_state, no_global_randomness):
    """Defect 6: a constructor that seeds the global generator."""
    with no_global_randomness():
        first = nnmass.build(text, seed=5)
        second = nnmass.build(nnmass.parse(text), 5)
        other = nnmass.build(text, seed=6)
    assert same_state(first, second)
    for name, tensor in first.named_parameters():
        drawn = tensor.unique().numel() > 1
        assert torch.equal(tensor, other.get_parameter(name)) is not drawn, name


def test_no_two_tensors_have_the_same_draw(text):
    net = nnmass.build(text)
    drawn = [p.flatten()[:3].tolist() for p in net.parameters() if p.unique().numel() > 2]
    assert len(drawn) > 3
    assert len({tuple(values) for values in drawn}) == len(drawn)


@pytest.mark.parametrize("family", ["dense-cnn", "dense-cnn-dw"])
@pytest.mark.parametrize("caps", ["8/20/30", "8/20/31/4", "8/20/5"])
def test_later_cells_leave_earlier_ones_as_they_are(family, caps):
    """Defect 6: the same links for every network, or links that hang on the other cells."""
    reference = nnmass.build(f"{family}(wm=1,d=5,t=8/20/7)", seed=2).state_dict()
    other = nnmass.build(f"{family}(wm=1,d=5,t={caps})", seed=2).state_dict()
    earlier = [key for key in reference if key.startswith(("cells.0.", "cells.1."))]
    assert len(earlier) > 50
    assert all(torch.equal(reference[key], other[key]) for key in earlier)


def test_cells_of_one_network_have_links_of_their_own():
    net = nnmass.build("dense-cnn(wm=1,d=6,t=8/8/8)", seed=1)
    for index, (cell, module) in enumerate(zip(net.spec.cells, net.cells, strict=True)):
        wanted = draw_links(cell, seed=1, cell_index=index)
        assert all(np.array_equal(a, b) for a, b in zip(module.links.wiring, wanted, strict=True))
        assert module.links.links.tolist() == np.concatenate(wanted).tolist()
    shares = [
        m.links.links.numpy() / c.width for m, c in zip(net.cells, net.spec.cells, strict=True)
    ]
    assert not np.array_equal(shares[0], shares[1])


def test_meta_allocates_nothing(text, no_global_randomness):
    with no_global_randomness():
        net = nnmass.build(text, device="meta")
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    links = {name for name in tensors if name.endswith(("links.links", "links.gather"))}
    assert all(tensors[name].is_meta for name in tensors.keys() - links)
    assert bool(links) is text.startswith("dense-")
    assert nnmass.build(text, device=torch.device("meta")).state_dict().keys() == (
        nnmass.build(text).state_dict().keys()
    )


def test_the_links_of_a_meta_network_are_real(text):
    real = dict(nnmass.build(text, seed=3).named_buffers())
    for name, buffer in nnmass.build(text, seed=3, device="meta").named_buffers():
        if "links" in name:
            assert torch.equal(buffer, real[name]), name


def test_a_meta_network_takes_links_without_weights():
    """The state dict of links tells the topology; loading it rewires, weights or not."""
    text = "dense-cnn(wm=1,d=4,t=8/20,image=8)"
    source, net = (nnmass.build(text, seed=seed, device="meta") for seed in (1, 2))
    for mine, others in zip(net.cells, source.cells, strict=True):
        mine.links.load_state_dict(others.links.state_dict())
        assert torch.equal(mine.links.links, others.links.links)
        assert torch.equal(mine.links.gather, others.links.gather)
        pairs = zip(mine.links.wiring, others.links.wiring, strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("assign", [False, True])
def test_a_meta_network_is_whole_once_it_has_a_state(text, assign, inputs, logits):
    source = nnmass.build(text, seed=4)
    net = nnmass.build(text, seed=4, device="meta")
    if not assign:
        net.to_empty(device="cpu")
    net.load_state_dict(source.state_dict(), assign=assign)
    x = inputs(net.spec)
    assert torch.equal(logits(net, x), logits(source, x))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((3,), {}, SpecError, ["a spec or a spec string", "resnet(depth=18)", "got 3"]),
        ((None,), {}, SpecError, ["a spec or a spec string", "got None"]),
        (("resnet(depht=18)",), {}, SpecError, ["unknown key 'depht'", "Did you mean 'depth'"]),
        (("resnett(depth=18)",), {}, SpecError, ["'resnett'", "Did you mean 'resnet'"]),
        (("dense-mlp(w=8,d=2,t=1)",), {}, SpecError, ["d must be", "at least 3", "got '2'"]),
        (("dense-mlp(w=8,d=4,t=1,act=gelu)",), {}, SpecError, ["elu or relu or tanh", "'gelu'"]),
        (("resnet(depth=8)", -1), {}, SpecError, ["seed must be at least 0", "-1"]),
        (("resnet(depth=8)", 1.0), {}, SpecError, ["seed must be a whole number", "1.0"]),
        (("resnet(depth=8)", True), {}, SpecError, ["seed must be a whole number", "True"]),
        (("resnet(depth=8)",), {"device": "gpu"}, DeviceError, ["'gpu'", "device='cpu'"]),
        (("resnet(depth=8)",), {"device": None}, DeviceError, ["None", "device='cpu'"]),
        (("resnet(depth=8)",), {"device": "vulkan"}, DeviceError, ["'vulkan'", "device='cpu'"]),
    ],
)
def test_what_cannot_be_built_is_told(arguments, options, error, words):
    """Defect 16: an activation that does not exist, and a depth of 2, end in words."""
    with pytest.raises(error) as caught:
        nnmass.build(*arguments, **options)
    assert all(word in str(caught.value) for word in words), str(caught.value)
