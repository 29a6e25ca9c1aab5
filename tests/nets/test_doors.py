"""Networks by name: every door, and what is said where there is none."""

from __future__ import annotations

import sys
import textwrap
from importlib.util import find_spec

import pytest
import torch

import nnmass
from nnmass import match_networks, open_network
from nnmass.errors import CheckpointError, MissingExtraError, NNMassError, SpecError
from nnmass.nets import Net, OpenedNetwork
from nnmass.nets._torchvision import import_timm

CNN = "dense-cnn(wm=1,d=4,t=8/20,image=8)"
DOORS = ("'timm:NAME'", "'torchvision:NAME'", "'package.module:factory'", "spec file", "folder")

needs_zoo = pytest.mark.skipif(
    not (find_spec("timm") and find_spec("torchvision")),
    reason="the extra is missing: nnmass[zoo]",
)

FACTORIES = """
    import random
    import sys

    import numpy as np
    import torch
    from torch import nn

    SEEN = []

    class Tiny(nn.Module):
        def __init__(self, width=2, shape=(3, 8, 8)):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)
            if shape is not None:
                self.input_shape = shape

        @classmethod
        def wide(cls):
            return cls(9)

    def make(width=2, *, kind="plain", sizes=()):
        SEEN.append((width, kind, sizes, list(sys.path)))
        return Tiny(width)

    def draws():
        random.random(), np.random.rand(), torch.rand(3), torch.manual_seed(7)
        return Tiny()

    def draws_and_fails():
        draws()
        raise ValueError

    def ours(): import nnmass; return nnmass.build("resnet(depth=8)", seed=3)
    def shapeless(): return Tiny(shape=None)
    def listed(): return Tiny(shape=[3, 8, 8])
    def odd(): return Tiny(shape=(3, -1, 8.0))
    def fails(): raise KeyError("no luck")
    def leaves(): sys.exit(2)
    def nothing(): pass
    def a_class(): return Tiny
    def a_function(): return make
    def pair(): return Tiny(), 1
    def extra():
        from nnmass.errors import MissingExtraError
        raise MissingExtraError.of("this", package="it", extra="zoo")

    network = Tiny()
    NUMBER = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """``module(code)``: write a module of a name of its own into the current folder."""
    names = []

    def write(code=FACTORIES, *, suffix=""):
        name = f"made_for_doors_{tmp_path.name}{suffix}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        names.append(name)
        return name

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write
    for name in names:
        sys.modules.pop(name, None)


def told(name, *words, error=SpecError, call=open_network, **options):
    """The error for this name of a network, whose message must hold the words."""
    with pytest.raises(NNMassError) as caught:
        call(name, **options)
    assert type(caught.value) is error, repr(caught.value)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, str(caught.value)
    return caught.value


def allocated(model):
    return [name for name, tensor in model.named_parameters() if not tensor.is_meta]


# --- Networks of ours -------------------------------------------------------------------------


def test_a_spec_string(text, no_global_randomness):
    with no_global_randomness():
        opened = open_network(f" {text} ", seed=5)
    spec = nnmass.parse(text)
    assert isinstance(opened, OpenedNetwork)
    assert (opened.name, opened.spec, opened.input_shape) == (str(spec), spec, spec.input_shape)
    assert isinstance(opened.model, Net)
    assert opened.model.seed == 5
    assert not allocated(opened.model)


def test_the_seed_is_that_of_the_links():
    links = [open_network(CNN, seed=seed).model.cells[0].links.links for seed in (1, 1, 2)]
    assert torch.equal(links[0], links[1])
    assert not torch.equal(links[0], links[2])


def test_a_saved_network_comes_with_its_weights(tmp_path, same_state, no_global_randomness):
    net = nnmass.build(CNN, seed=2)
    folder = nnmass.save(net, tmp_path / "net")
    with no_global_randomness():
        opened = open_network(str(folder), seed=9)
    assert same_state(opened.model, net)
    assert (opened.name, opened.spec, opened.input_shape) == (CNN, net.spec, (3, 8, 8))


@pytest.mark.parametrize("name", ["candidate.json", "deep/spec.json", "deep/any.txt", "deep"])
def test_a_spec_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    file = tmp_path / name / "spec.json" if name == "deep" else tmp_path / name
    file.write_text(nnmass.parse(CNN).to_json())
    opened = open_network(name)
    assert (opened.name, opened.spec) == (CNN, nnmass.parse(CNN))
    assert not allocated(opened.model)


def test_a_folder_or_file_of_a_family_name_hides_no_family(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mobilenet-v2").mkdir()
    (tmp_path / "vgg").touch()
    assert open_network("mobilenet-v2").name == "mobilenet-v2"
    told("vgg", "vgg: depth is missing")
    nnmass.save(nnmass.build(CNN), tmp_path / "mobilenet-v2")
    assert open_network("mobilenet-v2").name == CNN


def test_files_that_are_not_there_or_not_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("net.json", "runs/net"):
        told(name, f"no file or folder '{name}'", str(tmp_path), "--out")
    (tmp_path / "empty").mkdir()
    told("empty", "'empty' holds no saved network", "spec.json is missing")
    (tmp_path / "net.json").write_text("{")
    told("net.json", "net.json is not JSON")
    folder = nnmass.save(nnmass.build(CNN), tmp_path / "net")
    (folder / "model.safetensors").write_bytes(b"damaged")
    told("net", "damaged", error=CheckpointError)


@pytest.mark.parametrize("text", ["", " ", "what is this?", "(depth=50)", "*", "re\0snet"])
def test_texts_that_name_nothing(text):
    told(text, repr(text.strip()), "names no network", *DOORS)


def test_other_wrong_uses():
    told("resnett(depth=50)", "'resnett'", "Did you mean 'resnet'")
    told("resnet(depht=50)", "unknown key 'depht'", "Did you mean 'depth'")
    told(3, "must be a str, got 3", *DOORS)
    told(CNN, "seed must be at least 0, got -1", seed=-1)
    long = f"dense-cnn(wm=1,d=4,t={'8/' * 4000}8)"
    told(long, "dense-cnn")


# --- timm and torchvision ---------------------------------------------------------------------


@needs_zoo
@pytest.mark.parametrize(
    ("text", "name", "shape"),
    [
        ("timm:resnet18", "timm:resnet18", (3, 224, 224)),
        (" timm: resnet18 () ", "timm:resnet18", (3, 224, 224)),
        ("timm:resnet18.a1_in1k", "timm:resnet18.a1_in1k", (3, 224, 224)),
        ("timm:resnet18( in_chans = 1 )", "timm:resnet18(in_chans=1)", (1, 224, 224)),
        ("timm:resnet18(pretrained=False)", "timm:resnet18(pretrained=False)", (3, 224, 224)),
        ("timm:vit_tiny_patch16_384", "timm:vit_tiny_patch16_384", (3, 384, 384)),
        (
            "timm:vit_tiny_patch16_224(img_size=(64,32),num_classes=10)",
            "timm:vit_tiny_patch16_224(img_size=(64, 32),num_classes=10)",
            (3, 64, 32),
        ),
        ("torchvision:resnet18", "torchvision:resnet18", (3, 224, 224)),
        ("torchvision:efficientnet_b1", "torchvision:efficientnet_b1", (3, 240, 240)),
        ("torchvision:inception_v3", "torchvision:inception_v3", (3, 299, 299)),
        ("torchvision:googlenet(weights=None)", None, (3, 224, 224)),
        ("torchvision:vit_b_16(image_size=64)", None, (3, 64, 64)),
        ("torchvision:regnet_y_128gf", None, (3, 384, 384)),  # computes its widths with tensors
        ("torchvision:vit_h_14", None, (3, 224, 224)),  # its newest weights want 518, it does not
    ],
)
def test_networks_of_the_zoos(text, name, shape, no_global_randomness):
    with no_global_randomness():
        opened = open_network(text)
    assert (opened.name, opened.input_shape, opened.spec) == (name or text, shape, None)
    assert not allocated(opened.model)
    assert open_network(opened.name).name == opened.name
    out = opened.model.eval()(torch.zeros(1, *shape, device="meta"))
    assert out.shape[0] == 1


@needs_zoo
def test_arguments_reach_the_builder():
    for zoo in ("timm", "torchvision"):
        model = open_network(f"{zoo}:resnet18(num_classes=7)").model
        assert model.fc.out_features == 7


@needs_zoo
def test_what_the_meta_device_cannot_do_is_built_on_the_cpu(monkeypatch, no_global_randomness):
    timm = import_timm()
    real = timm.create_model

    def picky(*args, **kwargs):
        if torch.empty(0).is_meta:  # in both tries to do without memory
            raise NotImplementedError("no value on meta")
        return real(*args, **kwargs)

    monkeypatch.setattr(timm, "create_model", picky)
    with no_global_randomness():
        opened = open_network("timm:resnet18")
    assert len(allocated(opened.model)) == len(list(opened.model.parameters()))


@needs_zoo
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timm:resnet_18", ["'resnet_18'", "Did you mean 'resnet18'", "nnmass nets ls 'timm:*'"]),
        ("timm:ResNet18", ["'ResNet18'", "Did you mean 'resnet18'"]),
        ("timm:resnet18.a9", ["has no tag 'resnet18.a9'", "'resnet18.a", "'timm:resnet18'"]),
        ("timm:hf-hub:timm/resnet18.a1_in1k", ["'hf-hub:timm/resnet18.a1_in1k'"]),
        ("timm:", ["'timm:' needs the name", "'timm:resnet50'"]),
        ("torchvision:resnett18", ["Did you mean 'resnet18'", "nnmass nets ls 'torchvision:*'"]),
        ("torchvision:fasterrcnn_resnet50_fpn", ["no classification network"]),
        ("timm:resnet18(10)", ["timm:resnet18(10)", "need their names, got 10"]),
        ("timm:resnet18(pretrained=True)", ["pretrained asks for weights", "leave it out"]),
        ("timm:resnet18(checkpoint_path='x.pt')", ["checkpoint_path asks for weights"]),
        ("torchvision:resnet18(weights='DEFAULT')", ["weights asks for weights"]),
        (
            "timm:resnet18(num_clases=7)",
            ["timm cannot build 'resnet18' with num_clases=7", "TypeError", "timm.create_model"],
        ),
        ("torchvision:resnet18(a=1)", ["torchvision.models.resnet18", "'a'"]),
    ],
)
def test_what_the_zoos_do_not_have(text, words):
    told(text, *words)


@needs_zoo
def test_the_cause_stays_in_the_chain():
    error = told("timm:resnet18(num_clases=7)")
    assert isinstance(error.__cause__, TypeError)


@pytest.mark.parametrize("zoo", ["timm", "torchvision"])
def test_zoos_that_are_not_installed(zoo, monkeypatch):
    monkeypatch.setitem(sys.modules, zoo, None)
    for call in (open_network, match_networks):
        told(f"{zoo}:*", f"needs {zoo}", "nnmass[zoo]", error=MissingExtraError, call=call)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("(num=ten)", ["num=ten is no literal", "is num='ten' meant?", "True, False, None"]),
        ("(num=2*3)", ["num=2 * 3 is no literal"]),
        ("(num=__import__('os').getcwd())", ["is no literal"]),
        ("(open('x'))", ["open('x') is no literal"]),
        ("(*[1])", ["*[1] is no literal"]),
        ("(**{'a': 1})", ["**{'a': 1} is no literal"]),
        ("(a=1,a=2)", ["'a' is given twice"]),
        ("(a=1", ["was never closed", "name(width=2, kind='wide')"]),
        ("(a=)", ["cannot read the arguments"]),
        ("(a=1)(b=2)", ["one pair of parentheses", "nothing behind"]),
        ("(1)+f(2)", ["one pair of parentheses"]),
        ("(1).x", ["one pair of parentheses"]),
        ("(a=1) or 2", ["one pair of parentheses"]),
    ],
)
@pytest.mark.parametrize("name", ["timm:resnet18", "torchvision:resnet18", "some.module:make"])
def test_arguments_that_cannot_be_read(name, arguments, words):
    told(name + arguments, name + arguments, *words)


# --- Factories --------------------------------------------------------------------------------


def test_a_factory_in_the_current_folder(module, tmp_path):
    name = module()
    before = list(sys.path)
    opened = open_network(f" {name}:make( 4, kind = 'a: (b', sizes=[1, (2, None)] ) ")
    assert opened.name == f"{name}:make(4,kind='a: (b',sizes=[1, (2, None)])"
    assert (opened.input_shape, opened.spec) == ((3, 8, 8), None)
    assert opened.model.conv.out_channels == 4
    width, kind, sizes, path = sys.modules[name].SEEN[0]
    assert (width, kind, sizes) == (4, "a: (b", [1, (2, None)])
    assert path == [*before, str(tmp_path)]  # the folder counts while the factory runs
    assert sys.path == before
    assert open_network(opened.name).name == opened.name


def test_a_module_that_is_found_anyway_leaves_the_path_alone(module, tmp_path, monkeypatch):
    name = module()
    monkeypatch.syspath_prepend(tmp_path)
    before = list(sys.path)
    open_network(f"{name}:make")
    assert sys.modules[name].SEEN[0][3] == before


def test_the_path_is_put_back_when_the_import_fails(module):
    name = module("raise ValueError('on import')")
    before = list(sys.path)
    error = told(f"{name}:make", f"cannot import {name!r}", "on import")
    assert isinstance(error.__cause__, ValueError)
    assert sys.path == before


@pytest.mark.parametrize(
    ("call", "shape"),
    [(name, (3, 8, 8)) for name in ("Tiny", "Tiny.wide", "network", "listed")]
    + [(name, None) for name in ("shapeless", "odd")],
)
def test_shapes_of_factories(call, shape, module):
    assert open_network(f"{module()}:{call}").input_shape == shape


def test_a_factory_that_builds_a_network_of_ours(module):
    opened = open_network(f"{module()}:ours")
    assert (str(opened.spec), opened.input_shape) == ("resnet(depth=8)", (3, 32, 32))
    assert opened.name.endswith(":ours")


def test_a_factory_that_draws_moves_no_generator(module, no_global_randomness):
    name = module()
    with no_global_randomness():
        open_network(f"{name}:draws")
        told(f"{name}:draws_and_fails")


@needs_zoo
def test_a_module_that_imports_the_zoos(module):
    name = module(
        """
        import torchvision, timm
        def make(): return timm.create_model("resnet18")
        """
    )
    assert type(open_network(f"{name}:make").model).__name__ == "ResNet"
    assert open_network("torchvision.models:resnet18(num_classes=2)").model.fc.out_features == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("mak", ["has no 'mak'", "Did you mean 'make'", "Functions and classes there: Tiny"]),
        ("tiny", ["has no 'tiny'", "Did you mean 'Tiny'"]),
        ("Tiny.wid", [".Tiny'", "has no 'wid'", "Functions and classes there: wide"]),
        ("make(height=2)", ["TypeError", "'height'", "make(width=2, *, kind='plain', sizes=())"]),
        ("fails", ["failed with KeyError: 'no luck'", "fails()", "check the arguments"]),
        ("leaves", ["failed with SystemExit: 2"]),
        ("nothing", ["must return a torch.nn.Module, got None", "miss a return"]),
        ("a_class", ["got the class Tiny", "return Tiny(...)"]),
        ("a_function", ["of type function", "name the function that makes the network"]),
        ("pair", ["of type tuple", "return the network alone"]),
        ("NUMBER", ["must be a function", "got 3, of type int"]),
        ("", ["names no network", *DOORS]),
        ("a b", ["names no network"]),
    ],
)
def test_factories_that_make_no_network(call, words, module):
    name = module()
    told(f"{name}:{call}", f"{name}", *words)


def test_the_error_of_a_factory_stays_in_the_chain(module):
    error = told(f"{module()}:fails")
    assert isinstance(error.__cause__, KeyError)


def test_an_extra_that_a_factory_misses_is_told_as_it_is(module):
    told(f"{module()}:extra", "this needs it", error=MissingExtraError)


def test_modules_that_are_not_there(module, tmp_path):
    where = f"current folder ({tmp_path})"
    module()  # changes to a folder of its own
    told(
        "tim:resnet50",
        "no door and no module is called 'tim'. Did you mean 'timm'?",
        "tim.py must lie on the Python path",
        where,
        *DOORS,
    )
    told("torch-vision:resnet50", "Did you mean 'torchvision'?", *DOORS)
    told("my.nets:make", "no module 'my'", "PYTHONPATH", where)
    told("torch.nets:make", "no module 'torch.nets'", where)
    name = module("import not_to_be_found", suffix="_needs")
    told(f"{name}:make", "needs the module 'not_to_be_found'", "install it")
    name = module("import sys; sys.exit(2)", suffix="_leaves")
    told(f"{name}:make", "SystemExit: 2", "do nothing but define")


# --- Patterns ---------------------------------------------------------------------------------


@needs_zoo
def test_patterns():
    assert match_networks("timm:resnet1[48]*") == (
        "timm:resnet14t",
        "timm:resnet18",
        "timm:resnet18d",
    )
    assert {"timm:resnet18.a1_in1k", "timm:resnet18.tv_in1k"} <= set(match_networks("timm:*t18.*"))
    densenets = tuple(f"torchvision:densenet{depth}" for depth in (121, 161, 169, 201))
    assert match_networks(" torchvision:densenet* ") == densenets
    assert match_networks("torchvision:vgg1[13](num_classes=2)") == (
        "torchvision:vgg11(num_classes=2)",
        "torchvision:vgg13(num_classes=2)",
    )
    everything = match_networks("torchvision:*")
    assert list(everything) == sorted(everything)
    assert not any("rcnn" in name or "quantized" in name for name in everything)


@pytest.mark.parametrize("text", ["resnet(depth=50)", "timm:any", "a.b:f(x='*', y=[1])", CNN])
def test_a_text_without_wildcards_gives_itself(text):
    assert match_networks(f" {text} ") == (text,)


def test_patterns_that_match_nothing():
    for pattern in ("tim:*", "resnet*", "a.b:*", "runs/*"):
        told(pattern, repr(pattern), "'timm:...' and 'torchvision:...'", call=match_networks)
    told(None, "must be a str, got None", "'timm:resnet*'", call=match_networks)


@needs_zoo
def test_patterns_of_a_zoo_that_match_nothing():
    told("timm:resnett18*", "'resnett18*'", "Did you mean 'resnet18", call=match_networks)
    told("torchvision:q*", "'q*'", "nnmass nets ls 'torchvision:*'", call=match_networks)


def test_the_names_are_public():
    assert nnmass.open_network is nnmass.nets.open_network
    assert nnmass.match_networks is nnmass.nets.match_networks
    assert {"open_network", "match_networks"} <= set(dir(nnmass))
