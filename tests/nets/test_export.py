"""ONNX, torch.export and torch.compile: the exported network says what the network says."""

from __future__ import annotations

import copy
import sys
import warnings
from importlib.util import find_spec

import pytest
import torch

import nnmass
from nnmass.errors import MissingExtraError, SpecError, StoreError
from nnmass.nets import export_onnx

TINY = "dense-cnn(wm=1,d=4,t=8/20,image=8)"
HAS_ONNX = all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="the extra is missing: nnmass[onnx]")


def session(file):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options)


def assert_says_the_same(file, net, inputs, logits):
    model = session(file)
    assert [i.name for i in model.get_inputs()] == ["images"]
    assert [o.name for o in model.get_outputs()] == ["logits"]
    for n in (1, 5):
        x = inputs(net.spec, n)
        (out,) = model.run(None, {"images": x.numpy()})
        assert out.shape == (n, net.spec.classes)
        torch.testing.assert_close(torch.from_numpy(out), logits(net, x), rtol=1e-3, atol=1e-4)


def lived_in(text, inputs):
    net = nnmass.build(text, seed=1)
    with torch.random.fork_rng():
        net(inputs(net.spec))
    return net


@needs_onnx
def test_onnx_of_a_dense_cnn(inputs, logits, same_state, no_global_randomness, tmp_path, capfd):
    net = lived_in(TINY, inputs)
    net.cells[0].eval()
    modes = [module.training for module in net.modules()]
    before = copy.deepcopy(net.state_dict())
    path = tmp_path / "new" / "net.onnx"
    with no_global_randomness(), warnings.catch_warnings(record=True) as told:
        assert export_onnx(net, str(path)) == path
    assert not told
    assert capfd.readouterr() == ("", "")
    assert [module.training for module in net.modules()] == modes
    assert same_state(net, before)
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert [p.name for p in path.parent.iterdir()] == ["net.onnx"]
    assert_says_the_same(path, net, inputs, logits)


@needs_onnx
@pytest.mark.slow
def test_onnx_of_every_family(text, inputs, logits, tmp_path):
    net = lived_in(text, inputs)
    file = export_onnx(net, tmp_path / "net.onnx")
    assert_says_the_same(file, net, inputs, logits)


@needs_onnx
@pytest.mark.slow
def test_onnx_has_the_number_format_of_the_network(tmp_path):
    import onnx

    net = nnmass.build("dense-mlp(w=4,d=4,t=3,in=6)").double()
    model = onnx.load(export_onnx(net, tmp_path / "net.onnx"))
    types = {v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)}
    assert types == {onnx.TensorProto.DOUBLE}


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_extra_is_told(package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as caught:
        export_onnx(nnmass.build(TINY), tmp_path / "net.onnx")
    told = "export to ONNX needs onnxscript, which is not installed: pip install 'nnmass[onnx]'"
    assert str(caught.value).startswith(told)
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_a_failed_export_leaves_the_network_as_it_was(monkeypatch, tmp_path):
    net = nnmass.build(TINY)
    net.head.eval()
    modes = [module.training for module in net.modules()]

    def fail(*_, **__):
        raise RuntimeError("no")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(RuntimeError, match="no"):
        export_onnx(net, tmp_path / "net.onnx")
    assert [module.training for module in net.modules()] == modes
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_a_file_that_cannot_be_written(monkeypatch, tmp_path):
    from pathlib import Path

    monkeypatch.setattr(torch.onnx, "export", lambda _net, _x, file, **_: Path(file).touch())
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        export_onnx(nnmass.build(TINY), tmp_path / "file" / "net.onnx")


@needs_onnx
def test_what_cannot_be_exported(tmp_path):
    with pytest.raises(SpecError, match=r"nnmass\.build .* got a Linear; .*torch\.onnx\.export"):
        export_onnx(torch.nn.Linear(2, 2), tmp_path / "net.onnx")
    with pytest.raises(SpecError, match=r"meta device, where it has no weights; build it"):
        export_onnx(nnmass.build(TINY, device="meta"), tmp_path / "net.onnx")


def test_torch_export(text, inputs, logits):
    net = lived_in(text, inputs).eval()
    x = inputs(net.spec, 2)
    program = torch.export.export(net, (x,))
    torch.testing.assert_close(program.module()(x), logits(net, x), rtol=1e-4, atol=1e-5)
    assert not any(module.training for module in net.modules())


# One network of each kind of module: compiling the fifty-layer ones takes minutes.
COMPILED = [
    "dense-mlp(w=8,d=6,t=9,in=20)",
    "dense-cnn(wm=1,d=5,t=9/7,image=9)",
    "dense-cnn-dw(wm=1,d=4,t=9/7,image=8)",
    "densenet(blocks=2/1,growth=4,stem=cifar,image=8)",
    "resnet(depth=8,image=16)",
    "wide-resnet(depth=10,widen=1,image=16)",
    "mobilenet-v2(wm=0.35,rows=1:16:1:1/6:24:2:2,stem=cifar,image=16)",
    "vgg(depth=11,bn=true,stem=cifar)",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", COMPILED)
@pytest.mark.parametrize("training", [False, True])
def test_torch_compile(text, training, inputs, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    net = nnmass.build(text)
    for module in net.modules():  # dropout draws otherwise in compiled code
        module.train(training and not isinstance(module, torch.nn.Dropout))
    twin = copy.deepcopy(net)
    x = inputs(net.spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = torch.compile(twin)(x)
        out.square().mean().backward()
    want = net(x)
    want.square().mean().backward()
    torch.testing.assert_close(out, want, rtol=1e-3, atol=1e-4)
    # As one vector: what stands before a norm has gradients that are nothing but rounding.
    ours, theirs = (
        torch.cat([p.grad.flatten() for p in module.parameters()]) for module in (twin, net)
    )
    assert (ours - theirs).norm() < 1e-2 * theirs.norm()
    torch._dynamo.reset()
