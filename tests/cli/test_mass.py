import json
import subprocess
import sys

import pytest

import nnmass

SPEC = "dense-cnn(wm=2,d=13,t=40/80/125)"


def test_a_network_as_a_table(nnmass_cli):
    done = nnmass_cli("mass", SPEC)
    assert done.code == 0
    assert done.err == ""
    first, row, _, header, *cells = done.out.splitlines()
    assert first.split() == ["network", "NN-Mass", "density", "degree", "params", "MACs"]
    assert row.split()[:2] == [SPEC, "526.11"]
    assert "706.26 M" in row
    assert header.split()[:3] == ["cell", "depth", "width"]
    assert len(cells) == 3
    assert "432 of 2112" in cells[0]


def test_a_network_as_json(nnmass_cli):
    document = nnmass_cli("mass", SPEC, "--json").document
    assert document["schema"] == "nnmass.mass/1"
    assert document["mass"] == pytest.approx(526.1060606060606, rel=1e-12)
    assert (document["params"], document["macs"]) == (4653192, 706260992)
    assert document["density"] == pytest.approx((432 + 864 + 1375) / (2112 + 4224 + 8448))
    assert [cell["link_cap"] for cell in document["cells"]] == [40, 80, 125]
    degree = document["average_degree"]
    edges = sum(w * w * 12 + w * n for w, n in ((32, 432), (64, 864), (128, 1375)))
    assert degree["exact"] == pytest.approx(edges / (13 * (32 + 64 + 128)))


def test_dense_blocks(nnmass_cli):
    done = nnmass_cli("mass", "densenet(depth=121)")
    cells = done.out.splitlines()[4:]
    assert len(cells) == 4
    assert "64 + 6 x (128-32)" in cells[0]
    assert "12032 of 56832" in cells[3]
    plain = nnmass_cli("mass", "densenet(depth=40,bottleneck=0,growth=12)")
    assert "16 + 12 x 12" in plain.out
    document = nnmass_cli("mass", "densenet(depth=121)", "--json").document
    assert document["mass"] == pytest.approx(1726.1868394, abs=1e-6)
    assert [cell["kind"] for cell in document["cells"]] == ["dense block"] * 4
    assert document["average_degree"] is None


def test_a_cell(nnmass_cli):
    cell = ("--width", 8, "--depth", 16)
    by_cap = nnmass_cli("mass", *cell, "--link-cap", 8, "--json").document
    by_mass = nnmass_cli("mass", *cell, "--for-mass", 17, "--json").document
    assert by_cap == by_mass
    assert by_cap["mass"] == pytest.approx(256 / 15, rel=1e-12)
    assert by_cap["params"] is None
    assert "112 of 840" in nnmass_cli("mass", *cell, "--link-cap", 8).out


def test_addition_skips_and_plain_networks(nnmass_cli):
    document = nnmass_cli("mass", "resnet(depth=50)", "--json").document
    assert document["mass"] == pytest.approx(9006.9333333, rel=1e-9)
    assert document["average_degree"] is None
    assert len(document["cells"]) == 16
    assert "64-64-64-256" in nnmass_cli("mass", "resnet(depth=50)").out
    plain = nnmass_cli("mass", "vgg(depth=16)", "--json").document
    assert (plain["mass"], plain["cells"]) == (0, [])


def test_a_spec_file_and_a_folder(nnmass_cli, tmp_path):
    spec = nnmass.parse(SPEC)
    (tmp_path / "spec.json").write_text(spec.to_json())
    from_file = nnmass_cli("mass", tmp_path / "spec.json", "--json").out
    from_folder = nnmass_cli("mass", tmp_path, "--json").out
    assert from_file == from_folder == nnmass_cli("mass", SPEC, "--json").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dense-cn(wm=1)"], ["unknown family 'dense-cn'", "Did you mean 'dense-cnn'"]),
        (["dense-cnn(wm=1,d=2,t=1)"], ["d must be", "at least 3", "got '2'"]),
        (["dense-cnn(wm=1,d=5,t=-1)"], ["t must be", "got '-1'"]),
        (["dense-cnn(wm=1,d=5/5,t=1/1/1)"], ["d has 2 entries and t has 3"]),
        (["dense-cnn(wm=1,d=5,t=1,depth=4)"], ["unknown key 'depth'"]),
        (["timm:densenet121"], ["'timm'", "spec string", "nnmass inspect"]),
        (["missing.json"], ["missing.json", "No such file"]),
        ([], ["--width, --depth"]),
        (["--width", 8, "--depth", 16], ["--link-cap and --for-mass"]),
        (["--width", 8, "--depth", 2, "--link-cap", 1], ["Cell.depth must be at least 3, got 2"]),
        (["--width", 8, "--depth", 16, "--for-mass", 129], ["at most", "128", "129"]),
        (["vgg(depth=16)", "--width", 8], ["not both"]),
    ],
)
def test_wrong_use(nnmass_cli, arguments, words):
    done = nnmass_cli("mass", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("nnmass mass: ")
    assert all(word in done.err for word in words), done.err


@pytest.mark.parametrize("arguments", [["--widht", "8"], ["--width", "eight"], ["--depth"]])
def test_options_that_cannot_be_read(nnmass_cli, arguments):
    assert nnmass_cli("mass", *arguments).code == 2


def run(*arguments):
    code = (
        "import sys\nfrom nnmass.cli import main\nsys.argv = ['nnmass', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*[n for n in ('torch', 'numpy') if n in sys.modules], file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def test_the_whole_process_needs_neither_torch_nor_numpy():
    done = run("mass", SPEC, "--json")
    assert json.loads(done.stdout)["params"] == 4653192
    assert done.stderr.split() == []


@pytest.mark.parametrize("arguments", [["nets", "ls"], ["nets", "show", "vgg"], ["datasets", "ls"]])
def test_listing_needs_no_torch(arguments):
    assert "torch" not in run(*arguments).stderr.split()


def test_design_needs_no_torch():
    assert run("design", "--like", "dense-cnn(wm=1,d=9,t=9/9)", "--json").stderr == "numpy\n"


def test_the_check_sees_torch():
    done = run("train", "dense-mlp(w=8,d=4,t=1,in=64)", "--set", "epochs=1", "--quiet")
    assert "torch" in done.stderr.split()
