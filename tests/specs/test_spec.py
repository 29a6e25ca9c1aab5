from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnmass
from nnmass.errors import SpecError
from nnmass.specs import (
    FAMILIES,
    DenseCNN,
    DenseMLP,
    ResNet,
    Spec,
    family_class,
    read_spec,
    spec_from_dict,
)

SMALL = st.integers(1, 300)
STEM = {"stem": st.sampled_from(["imagenet", "cifar", "mnist"])}
IMAGE = {"in": SMALL, "image": st.integers(40, 300), "classes": SMALL}
MULTIPLIER = st.one_of(st.integers(1, 8), st.floats(0.001, 20))
DENSE = st.integers(1, 5).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "wm": st.integers(1, 9),
            "d": st.one_of(
                st.lists(st.integers(3, 60), min_size=n, max_size=n), st.integers(3, 60)
            ),
            "t": st.lists(st.integers(0, 900), min_size=n, max_size=n),
        },
        optional=IMAGE,
    )
)
DENSE_LAYERS = {
    "growth": SMALL,
    "compression": st.one_of(st.just(1), st.floats(0.001, 1)),
    "first": SMALL,
    **STEM,
    **IMAGE,
}
PUBLISHED = st.sampled_from([(2, 2, 2, 2), (3, 4, 6, 3), (3, 8, 36, 3), (3, 3, 3), (8, 8, 8)])


def depth_or_blocks(depths, stages, optional, *, required=None, beside=None):
    """A residual network told by its depth, or by its blocks: any, and those a depth has too."""
    lists = st.sampled_from(stages).flatmap(
        lambda n: st.lists(st.integers(1, 9), min_size=n, max_size=n)
    )
    told = lists | PUBLISHED.filter(lambda blocks: len(blocks) in stages)
    required = required or {}
    return st.one_of(
        st.fixed_dictionaries({"depth": st.sampled_from(depths), **required}, optional=optional),
        st.fixed_dictionaries({"blocks": told, **(beside or {}), **required}, optional=optional),
    )


VALUES = {
    "dense-mlp": st.fixed_dictionaries(
        {"w": SMALL, "d": st.integers(3, 300), "t": st.integers(0, 900)},
        optional={
            "in": SMALL,
            "classes": SMALL,
            "act": st.sampled_from(["elu", "relu", "tanh"]),
            "wiring": st.sampled_from(["uniform", "legacy"]),
        },
    ),
    "dense-cnn": DENSE,
    "dense-cnn-dw": DENSE,
    "densenet": st.one_of(
        st.fixed_dictionaries(
            {"depth": st.sampled_from([121, 161, 169, 201, 40, 100])}, optional=DENSE_LAYERS
        ),
        st.fixed_dictionaries(
            {"depth": st.sampled_from([40, 100, 121]), "bottleneck": st.just(0)},
            optional=DENSE_LAYERS,
        ),
        st.fixed_dictionaries(
            {"blocks": st.lists(st.integers(1, 40), min_size=1, max_size=4)},
            optional={"bottleneck": st.integers(0, 6)} | DENSE_LAYERS,
        ),
    ),
    "resnet": depth_or_blocks(
        [18, 34, 50, 101, 152, 8, 20, 44, 110],
        (3, 4),
        {"wm": MULTIPLIER, "shortcut": st.sampled_from(["projection", "pad"])} | STEM | IMAGE,
        beside={"block": st.sampled_from(["basic", "bottleneck"])},
    ),
    "wide-resnet": depth_or_blocks(
        [10, 16, 28, 40, 50, 101, 152], (3, 4), STEM | IMAGE, required={"widen": SMALL}
    ),
    "resnext": depth_or_blocks(
        [50, 101, 152], (4,), {"groups": SMALL, "width": SMALL} | STEM | IMAGE
    ),
    "mobilenet-v2": st.fixed_dictionaries(
        {},
        optional={
            "wm": MULTIPLIER,
            "rows": st.lists(
                st.tuples(SMALL, SMALL, st.integers(1, 5), st.integers(1, 2)),
                min_size=1,
                max_size=8,
            ),
        }
        | STEM
        | IMAGE,
    ),
    "vgg": st.fixed_dictionaries(
        {"depth": st.sampled_from([11, 13, 16, 19]), "image": st.integers(32, 300)},
        optional={"bn": st.booleans(), "in": SMALL, "classes": SMALL}
        | {"stem": st.sampled_from(["imagenet", "cifar"])},
    ),
}
SPECS = st.one_of(
    *(values.map(family_class(family).from_values) for family, values in VALUES.items())
)


def test_every_family_is_drawn():
    assert VALUES.keys() == FAMILIES.keys()


@given(SPECS)
def test_the_string_and_the_json_give_the_spec_back(spec):
    for other in (
        nnmass.parse(str(spec)),
        spec_from_dict(json.loads(spec.to_json())),
        spec_from_dict(spec.to_dict()),
        pickle.loads(pickle.dumps(spec)),
        copy.deepcopy(spec),
    ):
        assert other == spec
        assert hash(other) == hash(spec)
        assert type(other) is type(spec)
        assert str(other) == str(spec)


@given(SPECS)
def test_the_string_leaves_defaults_out_and_nothing_else(spec):
    values = spec.values()
    written = spec_texts(str(spec))
    for key in written:
        without = {k: v for k, v in written.items() if k != key}
        try:
            other = type(spec).from_texts(without)
        except SpecError:
            continue  # it was required
        assert other.values()[key] != values[key]
    spelled = ",".join(
        f"{field.key}={field.kind.show(values[field.key])}" for field in spec.keyed_fields()
    )
    assert str(nnmass.parse(f"{spec.family}({spelled})")) == str(spec)


def spec_texts(text: str) -> dict[str, str]:
    inner = text.partition("(")[2].removesuffix(")")
    return dict(part.split("=") for part in inner.split(",") if part)


@given(SPECS, SPECS)
def test_equal_specs_have_equal_names(a, b):
    assert (a == b) == (str(a) == str(b))


@given(SPECS)
def test_json_is_plain_and_complete(spec):
    data = json.loads(spec.to_json())
    assert data == spec.to_dict()
    assert list(data) == ["schema", "family", *spec.values()]
    assert data["schema"] == "nnmass.spec/1"
    assert spec.to_json().endswith("}\n")


@given(SPECS)
def test_costs_are_whole_and_the_mass_is_a_number(spec):
    assert type(spec.params) is type(spec.macs) is int
    assert spec.params > 0 < spec.macs
    assert type(spec.mass) is float
    assert spec.mass == spec.mass_by()


@pytest.mark.parametrize("cls", FAMILIES.values(), ids=list(FAMILIES))
def test_examples_and_help(cls):
    spec = nnmass.parse(cls.example)
    assert type(spec) is cls
    if cls.family != "resnext":  # whose example shows two fields at their defaults
        assert str(spec) == cls.example
    assert cls.summary
    for field in cls.keyed_fields():
        assert field.help
        assert field.kind.allowed


def test_specs_are_frozen():
    spec = nnmass.parse("resnet(depth=18)")
    with pytest.raises(FrozenInstanceError):
        spec.depth = 34
    with pytest.raises((AttributeError, TypeError)):
        spec.note = "no room for more"
    assert isinstance(spec, Spec)


SAME = [
    "dense-mlp(w=8,d=16,t=1)",
    " dense-mlp ( w = 8 , d=16,\n t=1 ) ",
    "dense-mlp(t=1,d=16,w=8)",
    "dense-mlp(w=8,d=16,t=1,in=784,classes=10,act=elu,wiring=uniform)",
    "dense-mlp(w=08,d=+16,t=1)",
]


@pytest.mark.parametrize("text", SAME)
def test_ways_to_write_one_spec(text):
    assert nnmass.parse(text) == DenseMLP(width=8, depth=16, link_cap=1)
    assert str(nnmass.parse(text)) == SAME[0]


def test_without_brackets():
    assert nnmass.parse("mobilenet-v2") == nnmass.parse("mobilenet-v2()")
    assert str(nnmass.parse("mobilenet-v2()")) == "mobilenet-v2"
    assert nnmass.parse("mobilenet-v2(wm=1.0)") == nnmass.parse("mobilenet-v2")


def test_families_are_different_specs():
    texts = "(wm=2,d=13,t=40/80/125)"
    assert nnmass.parse("dense-cnn" + texts) != nnmass.parse("dense-cnn-dw" + texts)


HOW = "separate fields with commas and the entries of a list with /"
WRITE = "write family(key=value,...), for example 'dense-cnn(wm=2,d=13,t=40/80/125)'"
MESSAGES = [
    ("", f"not a spec string: ''; {WRITE}"),
    ("resnet(depth=50", f"not a spec string: 'resnet(depth=50'; {WRITE}"),
    ("resnet depth=50", f"not a spec string: 'resnet depth=50'; {WRITE}"),
    ("timm:resnet50", f"not a spec string: 'timm:resnet50'; {WRITE}"),
    (
        "resne(depth=50)",
        "unknown family 'resne'. Did you mean 'resnet' or 'resnext'? 9 are known; list them with "
        "`nnmass nets ls`",
    ),
    (
        "ResNet(depth=50)",
        "unknown family 'ResNet'. Did you mean 'resnet' or 'resnext'? 9 are known; list them with "
        "`nnmass nets ls`",
    ),
    ("zzz", "unknown family 'zzz'. 9 are known; list them with `nnmass nets ls`"),
    ("resnet(50)", f"resnet: '50' is not key=value; {HOW}"),
    ("resnet(depth=50,)", f"resnet: '' is not key=value; {HOW}"),
    ("resnet(depth=)", f"resnet: 'depth=' is not key=value; {HOW}"),
    ("resnet(depth=50,depth=18)", "resnet: depth is given twice ('50' and '18')"),
    (
        "resnet(depth=19)",
        "resnet: depth must be 18, 34, 50, 101, 152, or 6n + 2 (20, 32, ..), got 19; or give block "
        "and blocks instead, such as block=bottleneck,blocks=2/3/4/2",
    ),
    (
        "resnet(dpth=18)",
        "resnet: unknown key 'dpth'. Did you mean 'depth'? Known: depth, block, blocks, wm, "
        "shortcut, stem, in, image, classes; depth is missing: weight layers (or give blocks), 18, "
        "34, 50, 101, 152, or 6n + 2 (20, 32, ..)",
    ),
    (
        "resnet(depth=18,stem=cifer)",
        "resnet: stem must be imagenet or cifar or mnist, got 'cifer'. Did you mean 'cifar'?",
    ),
    ("resnet(depth=18,wm=0)", "resnet: wm must be a number above 0, got '0'"),
    ("mobilenet-v2(wm=nan)", "mobilenet-v2: wm must be a number above 0, got 'nan'"),
    ("mobilenet-v2(wm=1e999)", "mobilenet-v2: wm must be a number above 0, got '1e999'"),
    (
        "mobilenet-v2(rows=1:16:1)",
        "mobilenet-v2: rows must be rows of t:c:n:s (whole numbers of at least 1), with / between "
        "them, got '1:16:1'",
    ),
    ("vgg(depth=16,bn=yes)", "vgg: bn must be true or false, got 'yes'"),
    (
        "dense-cnn(wm=2,d=2,t=1)",
        "dense-cnn: d must be a whole number of at least 3 (fewer layers leave no room for a "
        "skip), or one for each cell with / between them, got '2'",
    ),
    (
        "dense-cnn(wm=2,d=8,t=10/x)",
        "dense-cnn: t must be one or more whole numbers of at least 0, with / between them, got "
        "'10/x'",
    ),
    (
        "dense-cnn(wm=2,d=8/9,t=10)",
        "dense-cnn: d has 2 entries and t has 1: give t one entry for each cell, and d either one "
        "for each or a single one for all",
    ),
    (
        "dense-cnn(wm=2,d=8,t=1/2/3,image=4)",
        "dense-cnn: image must be at least 5 pixels for 3 cells, got 4: every cell after the "
        "first halves the side, and the head pools 2x2",
    ),
    (
        "dense-mlp(w=0,d=two,t=-1,act=rleu,depth=3)",
        "dense-mlp: unknown key 'depth'. Known: w, d, t, in, classes, act, wiring; w must be a "
        "whole number of at least 1, got '0'; d must be a whole number of at least 3, got 'two'; "
        "t must be a whole number of at least 0, got '-1'; act must be elu or relu or tanh, got "
        "'rleu'. Did you mean 'relu' or 'elu'?",
    ),
    ("dense-mlp(w=8,d=16,t=1e3)", "dense-mlp: t must be a whole number of at least 0, got '1e3'"),
]


@pytest.mark.parametrize(("text", "message"), MESSAGES, ids=[text for text, _ in MESSAGES])
def test_messages(text, message):
    with pytest.raises(SpecError) as caught:
        nnmass.parse(text)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [None, 3, b"resnet(depth=18)", ["resnet"]])
def test_only_text_is_parsed(value):
    with pytest.raises(SpecError, match=r"^a spec string must be a str, got "):
        nnmass.parse(value)


@given(st.text(max_size=40) | st.text("dense-mlp()=,/:0123456789wdt ", max_size=40))
def test_any_text_is_a_spec_or_a_spec_error(text):
    try:
        spec = nnmass.parse(text)
    except SpecError as error:
        assert str(error)
    else:
        assert nnmass.parse(str(spec)) == spec


def test_the_constructor_reports_all_faults():
    with pytest.raises(SpecError) as caught:
        DenseMLP(width=0, depth=16, link_cap=1.5, activation="Elu")
    assert str(caught.value) == (
        "dense-mlp: w must be a whole number of at least 1, got 0; t must be a whole number of at "
        "least 0, got 1.5; act must be elu or relu or tanh, got 'Elu'. Did you mean 'elu' or "
        "'relu'?"
    )
    with pytest.raises(SpecError, match=r"^dense-cnn: d must be .* got True; t must be .* got '3'"):
        DenseCNN(width_multiplier=1, depths=True, link_caps="3")


def test_defaults_that_depend_on_a_fault_are_left_out():
    with pytest.raises(SpecError) as caught:
        ResNet(depth=19, classes=0)
    assert str(caught.value) == (
        "resnet: depth must be 18, 34, 50, 101, 152, or 6n + 2 (20, 32, ..), got 19; or give "
        "block and blocks instead, such as block=bottleneck,blocks=2/3/4/2; classes must be a "
        "whole number of at least 1, got 0"
    )


# --- JSON documents and files

GOOD = {"schema": "nnmass.spec/1", "family": "dense-mlp", "w": 8, "d": 16, "t": 1}
DOCUMENTS = [
    ([], "the spec must be one JSON object, got []"),
    (
        {"family": "vgg"},
        "the spec: schema must be 'nnmass.spec/1', got None; is it a spec file written by nnmass?",
    ),
    (
        GOOD | {"family": "vg"},
        "the spec: unknown family 'vg'. Did you mean 'vgg'? 9 are known; list them with "
        "`nnmass nets ls`",
    ),
    (GOOD | {"w": "8"}, "the spec: dense-mlp: w must be a whole number of at least 1, got '8'"),
    (GOOD | {"w": None}, "the spec: dense-mlp: w must be a whole number of at least 1, got None"),
    (GOOD | {"w": 8.0}, "the spec: dense-mlp: w must be a whole number of at least 1, got 8.0"),
    (
        GOOD | {"width": 8},
        "the spec: dense-mlp: unknown key 'width'. Known: w, d, t, in, classes, act, wiring",
    ),
]


@pytest.mark.parametrize(("document", "message"), DOCUMENTS)
def test_document_messages(document, message):
    with pytest.raises(SpecError) as caught:
        spec_from_dict(document)
    assert str(caught.value) == message


def test_specs_in_files(tmp_path):
    spec = nnmass.parse("dense-cnn(wm=2,d=13,t=40/80/125)")
    (tmp_path / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    assert read_spec(tmp_path) == spec
    assert read_spec(str(tmp_path / "spec.json")) == spec


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "spec.json is not JSON ("),
        (b"\xff\xfe", "spec.json is not JSON ("),
        (b"[" * 100_000, "spec.json is not JSON ("),
        (b"[1]", "spec.json must be one JSON object, got [1]"),
        (b"{}", "spec.json: schema must be 'nnmass.spec/1', got None"),
        (json.dumps(GOOD | {"d": 2}).encode(), "spec.json: dense-mlp: d must be a whole number"),
    ],
)
def test_file_messages(tmp_path, content, message):
    file = tmp_path / "spec.json"
    file.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_spec(file)
    assert str(caught.value).startswith(str(tmp_path))
    assert message in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(SpecError) as caught:
        read_spec(tmp_path / "none.json")
    assert str(caught.value) == (
        f"cannot read the spec file {tmp_path / 'none.json'}: No such file or directory"
    )
