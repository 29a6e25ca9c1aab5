"""Whole networks made sparse: published counts, topology, folding, files, ways of computing."""

import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import CheckpointError, SpecError
from nnmass.slim import (
    PSConv2d,
    export_plain,
    fold_batch_norm,
    load,
    save,
    sparse_report,
    sparsify,
    tuned,
)
from nnmass.slim._sparse._operation import WAYS

VGG, RESNET = "vgg(depth=16,bn=true,stem=cifar)", "resnet(depth=18,stem=cifar)"
COUNTS = {  # kss, dense period: parameters, MACs
    VGG: {
        (4, None): (6_556_746, 140_186_624),
        (2, None): (3_288_138, 70_980_608),
        (1, None): (1_653_834, 36_377_600),
        (4, 8): (7_578_186, 161_813_504),
        (1, 16): (2_470_986, 53_679_104),
        (9, None): (14_728_266, 313_201_664),
    },
    RESNET: {
        (4, None): (5_070_922, 251_335_680),
        (2, None): (2_629_706, 129_700_864),
        (1, None): (1_409_098, 68_883_456),
        (4, 8): (5_833_802, 289_346_560),
        (1, 16): (2_019_402, 99_292_160),
        (9, None): (11_173_962, 555_422_720),
    },
}
CASES = [(spec, *case) for spec, cases in COUNTS.items() for case in cases]


@pytest.mark.parametrize(("spec", "kss", "period"), CASES)
@pytest.mark.parametrize("assign", ["in", "periodic"])
def test_the_published_counts(spec, kss, period, assign):
    net = nnmass.build(spec, device="meta")
    traced = nnmass.trace(sparsify(net, kss, assign, dense_period=period), (3, 32, 32))
    assert (traced.params, traced.macs) == COUNTS[spec][kss, period]
    assert traced.mass == net.mass
    assert not traced.count.uncounted


@pytest.mark.parametrize(
    "spec", [RESNET, "densenet(depth=121,stem=cifar)", "dense-cnn(wm=1,d=13,t=10/20/30)"]
)
@pytest.mark.parametrize("assign", ["in", "random"])
def test_the_topology_has_not_changed(spec, assign):
    net = nnmass.build(spec, device="meta")
    dense, sparse = (nnmass.trace(model, (3, 32, 32)) for model in (net, sparsify(net, 4, assign)))
    assert sparse.cells == dense.cells
    assert [layer.path for layer in sparse.layers] == [layer.path for layer in dense.layers]
    assert [str(layer) for layer in sparse.layers] == [str(layer) for layer in dense.layers]
    assert sparse.macs < dense.macs


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.a = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.wide = nn.Conv2d(8, 8, 5, padding=2)
        self.point = nn.Conv2d(8, 8, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.mirror = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")
        self.flat = nn.Conv2d(8, 8, (1, 3), padding=(0, 1))
        self.kept = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x = self.norm(self.a(self.stem(x))).relu()
        x = self.flat(self.mirror(self.grouped(self.depthwise(self.point(self.wide(x))))))
        return self.head(self.kept(x).mean((2, 3)))


def test_every_layer_has_a_line():
    record = sparse_report(sparsify(Mixed(), keep_dense=("ke*",)))
    assert {line.path: line.reason for line in record.layers} == {
        "stem": "first convolution",
        "a": "",
        "wide": "",
        "point": "1x1 kernel",
        "depthwise": "depthwise",
        "grouped": "2 groups",
        "mirror": "padding mode reflect",
        "flat": "1x3 kernel, not 3x3, 5x5 or 7x7",
        "kept": "named by keep_dense (ke*)",
        "head": "linear layer",
    }
    wide = record.layers[2]
    assert (wide.taps, wide.params_before, wide.params_after) == (4, 1608, 264)
    saved = record.params_before - record.params_after
    assert saved == sum(line.params_before - line.params_after for line in record.layers)


def test_kept_weights_and_an_untouched_model():
    model = Mixed()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    slim = sparsify(model, 2)
    assert torch.equal(generator, torch.get_rng_state())
    assert type(model.a) is nn.Conv2d
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(slim.a.to_dense(), model.a.weight * slim.a.mask())
    assert torch.equal(slim.a.bias, model.a.bias)
    assert slim.kept.pattern.group_offset == 2


def test_fresh_weights_come_from_the_seed():
    model = Mixed()
    one, same, other = (sparsify(model, 2, weights="fresh", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.a.weight, same.a.weight)
    assert not torch.equal(one.a.weight, other.a.weight)
    assert torch.equal(one.stem.weight, model.stem.weight)


def test_a_layer_used_twice_is_replaced_in_both_places():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    slim = sparsify(nn.Sequential(nn.Conv2d(3, 4, 3), conv, nn.ReLU(), conv))
    assert isinstance(slim[1], PSConv2d)
    assert slim[1] is slim[3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kss": 5}, r"kss=5 has no rectangular window|layer 'a': kss=5"),
        ({"kss": 12}, "layer 'a': kss=12 is more than the 9 taps"),
        ({"keep_dense": ("b*",)}, r"keep_dense names 'b\*'"),
        ({"keep_dense": "a"}, "must be a sequence"),
        ({"weights": "old"}, "weights must be 'kept' or 'fresh', got 'old'"),
        ({"assign": "inn"}, "Did you mean 'in'"),
        ({"dense_period": 0}, "dense_period must be at least 2"),
    ],
)
def test_what_is_refused(arguments, words):
    with pytest.raises(SpecError, match=words):
        sparsify(Mixed(), **arguments)


def test_nothing_to_replace_is_refused_with_reasons():
    with pytest.raises(SpecError, match=r"first convolution \(1\), linear layer \(1\)"):
        sparsify(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2)))


def test_evaluation_leaves_all_buffers():
    slim = sparsify(Mixed()).eval()
    before = {key: value.clone() for key, value in slim.state_dict().items()}
    with torch.no_grad():
        one, two = (slim(torch.ones(2, 3, 8, 8)) for _ in range(2))
    assert torch.equal(one, two)
    assert all(torch.equal(before[key], value) for key, value in slim.state_dict().items())


def trained_like(model):
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(generator=generator)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 1.5, generator=generator)
    return model


@pytest.mark.parametrize(
    ("kss", "assign", "period"), [(4, "in", 4), (1, "in", None), (2, "periodic", None)]
)
def test_the_plain_network_computes_the_same(kss, assign, period):
    slim = sparsify(trained_like(Mixed()), kss, assign, dense_period=period).eval()
    plain = export_plain(slim, input_shape=(3, 11, 10))
    assert not any(isinstance(module, PSConv2d | nn.BatchNorm2d) for module in plain.modules())
    x = torch.randn(2, 3, 11, 10)
    torch.testing.assert_close(plain(x), slim(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(2, 1, 1), (3, 0, 1), (2, 3, 2)])
def test_plain_layers_of_any_place(stride, padding, dilation):
    more = {"stride": stride, "padding": padding, "dilation": dilation}
    layer = PSConv2d(7, 5, kss=2, dense_period=3, **more)
    plain = export_plain(layer, fold_bn=False)
    for size in ((9, 8), (10, 11)):
        x = torch.randn(2, 7, *size)
        torch.testing.assert_close(plain(x), layer(x), rtol=1e-5, atol=1e-5)


class ReadTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x):
        z = self.conv(x)
        return self.norm(z) + z


def test_a_norm_is_folded_only_where_it_alone_reads():
    assert isinstance(fold_batch_norm(ReadTwice(), (3, 4, 4)).norm, nn.BatchNorm2d)
    assert isinstance(fold_batch_norm(Mixed(), (3, 8, 8)).norm, nn.Identity)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("kss", [4, 2, 1])
def test_every_way_of_computing_gives_the_same(kss, channels_last):
    spec = "resnet(depth=18,classes=10,stem=cifar,image=10)"
    slim = fold_batch_norm(sparsify(nnmass.build(spec), kss, dense_period=8), (3, 10, 10)).double()
    x = torch.randn(1, 3, 10, 10, dtype=torch.float64)
    if channels_last:
        slim, x = (
            slim.to(memory_format=torch.channels_last),
            x.contiguous(memory_format=torch.channels_last),
        )
    layers = [m for m in slim.modules() if isinstance(m, PSConv2d)]
    with torch.no_grad():
        wanted = slim(x)
        for way in ("shift-nhwc", "product"):
            for layer in layers:
                layer.way = way
            torch.testing.assert_close(slim(x), wanted, rtol=1e-10, atol=1e-12)
    x.requires_grad_()  # with gradients there is one way alone
    slim(x).sum().backward()
    assert x.grad.isfinite().all()


def test_tuned_copies_and_chooses_for_every_layer():
    slim = sparsify(nnmass.build("resnet(depth=8,classes=10,stem=cifar,image=8)"), 1).eval()
    x = torch.randn(1, 3, 8, 8)
    fast = tuned(slim, x, n_rounds=1)
    layers = [m for m in fast.modules() if isinstance(m, PSConv2d)]
    assert len(layers) == 6
    assert all(layer.way in WAYS and not layer._forward_hooks for layer in layers)
    assert all(m.way == "shift" for m in slim.modules() if isinstance(m, PSConv2d))
    with torch.no_grad():
        torch.testing.assert_close(fast(x), slim(x), rtol=1e-4, atol=1e-5)
    batch = tuned(slim, torch.randn(2, 3, 8, 8), n_rounds=1)
    assert "product" not in {m.way for m in batch.modules() if isinstance(m, PSConv2d)}
    with pytest.raises(SpecError, match="tuned takes a network with sparse convolutions"):
        tuned(nnmass.build("vgg(depth=11,image=32)"), x)


def test_onnx(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    slim = sparsify(nnmass.build("resnet(depth=8,classes=10,stem=cifar,image=8)"), 4).eval()
    file = nnmass.export_onnx(export_plain(slim), tmp_path / "slim.onnx")
    x = torch.randn(3, 3, 8, 8)
    (given,) = onnxruntime.InferenceSession(str(file)).run(None, {"images": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(given), slim(x).detach(), rtol=1e-4, atol=1e-5)


SMALL = "dense-cnn(wm=1,d=5,t=4/4/4)"


@pytest.mark.parametrize("assign", ["in", "random"])
def test_saved_and_loaded_bit_for_bit(tmp_path, assign):
    slim = sparsify(nnmass.build(SMALL, seed=3), 2, assign, dense_period=4, weights="fresh")
    folder = save(slim, tmp_path / "slim")
    again = load(folder)
    assert slim.state_dict().keys() == again.state_dict().keys()
    own = again.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in slim.state_dict().items())
    assert sparse_report(again) == sparse_report(slim)
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(again.eval()(x), slim.eval()(x))
    opened = nnmass.open_network(str(folder))
    assert (opened.name, opened.input_shape, opened.spec) == (str(folder), (3, 32, 32), None)
    assert nnmass.trace(opened.model, (3, 32, 32)).mass == slim.mass


def test_a_slimmed_network_is_not_saved_under_its_spec(tmp_path):
    with pytest.raises(SpecError, match=r"save it with nnmass\.slim\.save"):
        nnmass.save(sparsify(nnmass.build(SMALL)), tmp_path)


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(SpecError, match=r"a network of a spec is saved with nnmass\.save"):
        save(nnmass.build(SMALL), tmp_path)
    with pytest.raises(SpecError, match="does not know its name"):
        save(sparsify(Mixed()), tmp_path)
    with pytest.raises(SpecError, match="does not give this network"):
        save(sparsify(Mixed()), tmp_path, network=RESNET)
    with pytest.raises(SpecError, match="on the meta device"):
        save(sparsify(nnmass.build(SMALL, device="meta")), tmp_path)
    assert not list(tmp_path.iterdir())


def test_damaged_folders(tmp_path):
    with pytest.raises(CheckpointError, match="no slimmed network at"):
        load(tmp_path)
    folder = save(sparsify(nnmass.build(SMALL)), tmp_path / "slim")
    file = folder / "slim.json"
    text = file.read_text()
    file.write_text(text.replace('"kss": 4', '"kss": 2'))
    with pytest.raises(CheckpointError, match="belong to two networks"):
        load(folder)
    file.write_text(text[:40])
    with pytest.raises(CheckpointError, match="is damaged"):
        load(folder)
