"""Saving and loading: bit for bit, and in words where it cannot be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import nnmass
from nnmass.errors import CheckpointError, DeviceError, SpecError, StoreError
from nnmass.nets._files import MODEL_SCHEMA

CNN = "dense-cnn(wm=1,d=4,t=8/20,image=8)"


@pytest.fixture
def folder(tmp_path):
    """A saved network."""
    return nnmass.save(nnmass.build(CNN, seed=2), tmp_path / "net")


def rewrite(folder, *, tensors=None, **metadata):
    """Change a saved weights file; a metadata of ``None`` is taken out."""
    file = folder / "model.safetensors"
    with safe_open(file, framework="pt") as handle:
        old = handle.metadata()
    new = {key: value for key, value in {**old, **metadata}.items() if value is not None}
    save_file({**load_file(file), **(tensors or {})}, file, new)


def told(error, call, *words):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, str(caught.value)


def test_round_trip_is_bit_for_bit(
    text, inputs, logits, same_state, no_global_randomness, tmp_path
):
    net = nnmass.build(text, seed=9)
    x = inputs(net.spec)
    with torch.random.fork_rng():
        net(x)  # statistics of its own
    with torch.no_grad():
        list(net.parameters())[-1].add_(1)
    with no_global_randomness():
        folder = nnmass.save(net, str(tmp_path / "deep" / "er"))
        twin = nnmass.load(str(folder))
    assert folder == tmp_path / "deep" / "er"
    assert sorted(p.name for p in folder.iterdir()) == ["model.safetensors", "spec.json"]
    assert same_state(net, twin)
    assert (twin.spec, twin.seed, type(twin)) == (net.spec, 9, type(net))
    assert twin.training and all(p.requires_grad for p in twin.parameters())
    assert torch.equal(logits(net, x), logits(twin, x))
    assert all(p.device.type == "cpu" for p in nnmass.load(folder, device="cpu").parameters())


def test_files_are_readable_without_this_package(folder):
    values = json.loads((folder / "spec.json").read_text())
    assert (values["family"], values["d"], values["t"]) == ("dense-cnn", [4, 4], [8, 20])
    net = nnmass.build(CNN, seed=2)
    tensors = load_file(folder / "model.safetensors")
    assert tensors.keys() == net.state_dict().keys()
    with safe_open(folder / "model.safetensors", framework="pt") as handle:
        metadata = handle.metadata()
    assert metadata["schema"] == MODEL_SCHEMA == "nnmass.model/1"
    assert (metadata["seed"], json.loads(metadata["spec"])) == ("2", values)


def test_trained_links_win_over_those_of_the_seed(tmp_path, inputs, logits):
    net = nnmass.build(CNN, seed=2)
    net.load_state_dict(nnmass.build(CNN, seed=3).state_dict())
    twin = nnmass.load(nnmass.save(net, tmp_path))
    assert torch.equal(logits(net, inputs(net.spec)), logits(twin, inputs(net.spec)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_number_format_is_kept(dtype, tmp_path, same_state):
    net = nnmass.build(CNN).to(dtype)
    assert same_state(net, nnmass.load(nnmass.save(net, tmp_path)))


def test_a_mixed_network_without_links_and_in_another_layout(tmp_path, same_state):
    net = nnmass.build("dense-cnn(wm=1,d=3,t=0/0,image=6)").to(memory_format=torch.channels_last)
    net.head.double()
    assert same_state(net, nnmass.load(nnmass.save(net, tmp_path)))


def test_saving_changes_nothing_and_replaces_what_was_there(folder, same_state):
    net = nnmass.build("resnet(depth=8)").eval()
    nnmass.save(net, folder)
    assert same_state(net, nnmass.build("resnet(depth=8)"))
    assert not net.training
    assert nnmass.load(folder).spec == net.spec


def test_a_folder_of_two_networks_is_noticed(folder, tmp_path):
    other = nnmass.save(nnmass.build("resnet(depth=8)"), tmp_path / "other")
    shutil.copy(other / "spec.json", folder / "spec.json")
    told(
        CheckpointError,
        lambda: nnmass.load(folder),
        str(folder / "model.safetensors"),
        str(nnmass.parse(CNN)),
        "resnet(depth=8) is wanted",
        "point to the folder",
    )


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 200, -1])
def test_truncated_weights(folder, keep):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    size = f"({file.stat().st_size:,} bytes)"
    told(CheckpointError, lambda: nnmass.load(folder), str(file), size, "damaged", "save it again")


@pytest.mark.parametrize("content", [b"\x80\x04.", b"\xff" * 400, b"{}" * 50, bytes(400)])
def test_garbage_for_weights(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    told(CheckpointError, lambda: nnmass.load(folder), "model.safetensors", "damaged")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"schema": "nnmass.model/2"}, ["'nnmass.model/1'", "'nnmass.model/2'"]),
        ({"schema": None}, ["'nnmass.model/1'", "got None"]),
        ({"spec": None}, ["must name the spec", "save the network again"]),
        ({"spec": "{"}, ["must name the spec", "save the network again"]),
        ({"spec": '{"schema": "nnmass.spec/1", "family": "unet"}'}, ["unknown family 'unet'"]),
        ({"seed": None}, ["must tell the seed", "got None"]),
        ({"seed": "-1"}, ["must tell the seed", "at least 0", "'-1'"]),
        ({"seed": "abc"}, ["must tell the seed", "'abc'"]),
    ],
)
def test_weights_that_do_not_tell_whose_they_are(folder, metadata, words):
    rewrite(folder, **metadata)
    told(CheckpointError, lambda: nnmass.load(folder), str(folder), "model.safetensors", *words)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"head.bias": torch.zeros(3)}, ["head.bias", "[3]", "[10]"]),
        ({"tail.bias": torch.zeros(3)}, ["Unexpected key", "tail.bias"]),
        ({"cells.0.links.links": torch.arange(16).flip(0)}, ["layer 2", "ascending order"]),
        ({"cells.0.links.links": torch.arange(3)}, ["cells.0.links.links"]),
    ],
)
def test_tensors_that_do_not_fit(folder, tensors, words):
    rewrite(folder, tensors=tensors)
    told(CheckpointError, lambda: nnmass.load(folder), "does not fit dense-cnn", *words)


def test_files_that_are_missing(folder, tmp_path):
    told(CheckpointError, lambda: nnmass.load(tmp_path / "no"), "no saved network", "spec.json")
    spec_file = folder / "spec.json"
    told(CheckpointError, lambda: nnmass.load(spec_file), str(spec_file), "must be a folder")
    (folder / "model.safetensors").unlink()
    told(CheckpointError, lambda: nnmass.load(folder), "no file", "model.safetensors", "moved")
    spec_file.unlink()
    told(SpecError, lambda: nnmass.load(folder), "spec.json", "No such file")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"family": "resnet"}', "\x00"])
def test_a_spec_file_that_is_none(folder, content):
    (folder / "spec.json").write_text(content)
    told(SpecError, lambda: nnmass.load(folder), str(folder / "spec.json"))


def test_what_cannot_be_saved(tmp_path):
    linear = torch.nn.Linear(2, 2)
    told(SpecError, lambda: nnmass.save(linear, tmp_path / "a"), "Linear", "nnmass.build")
    state = nnmass.build(CNN).state_dict()
    told(SpecError, lambda: nnmass.save(state, tmp_path / "a"), "OrderedDict", "nnmass.build")
    meta = nnmass.build(CNN, device="meta")
    told(SpecError, lambda: nnmass.save(meta, tmp_path / "a"), "meta device", "no weights")
    assert not list(tmp_path.iterdir())


def test_devices_that_cannot_hold_a_network(folder):
    told(DeviceError, lambda: nnmass.load(folder, device="meta"), "'meta'", "nnmass.build")
    told(DeviceError, lambda: nnmass.load(folder, device="gpu"), "'gpu'", "device='cpu'")


def test_a_path_that_is_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    told(StoreError, lambda: nnmass.save(nnmass.build(CNN), file), str(file), "cannot write")
    assert file.read_text() == "mine"


FULL_DISK = """
import resource, signal, sys, nnmass
folder, limit = sys.argv[1], int(sys.argv[2])
net = nnmass.build("resnet(depth=8)", seed=1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    nnmass.save(net, folder)
except nnmass.errors.StoreError as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_leaves_the_old_network_whole(tmp_path, same_state):
    """The write truly fails: the system refuses files above a few thousand bytes."""
    net = nnmass.build("resnet(depth=8)", seed=0)
    folder = nnmass.save(net, tmp_path / "net")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    arguments = [sys.executable, "-c", FULL_DISK, str(folder), "5000"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith(f"StoreError cannot write {folder / 'model.safetensors'}")
    assert "File too large" in done.stdout
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert same_state(net, nnmass.load(folder))
