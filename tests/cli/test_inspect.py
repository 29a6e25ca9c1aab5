import csv
import io
import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import nnmass.tracing
from nnmass.cli._counting import counting
from nnmass.cli._inspect_csv import COLUMNS
from nnmass.errors import MissingExtraError, TraceError
from nnmass.tracing import Link, MacCount, Topology, TracedCell

MLP = "dense-mlp(w=8,d=4,t=1)"
WIDE = "dense-mlp(w=9,d=4,t=1)"
PLAIN = "vgg(depth=11)"


def block(name, width, *, flags=(), has_layer=False):
    return TracedCell(
        kind="addition",
        chain=("stem", f"{name}.conv1", f"{name}.conv2", f"{name}.conv3"),
        widths=(width, 64, 64, 256),
        link_list=(Link(source=0, target=3, channels=width, has_layer=has_layer),),
        flags=flags,
    )


CELLS = {
    MLP: (
        block("layer1.0", 64, has_layer=True),
        block("layer1.1", 256),
        block("layer1.2", 256),
        block("layer2.0", 256, flags=("a nested join", "a long branch")),
    ),
    WIDE: (block("layer1.0", 512),),
    PLAIN: (),
}
COUNT = MacCount(
    by_kind={"convolution": 3_000_000, "linear": 1_000_000},
    by_module={"conv": 2_500_000, "layer1.a": 300_000, "layer1.b": 200_000, "": 1_000_000},
    other={"activation": 12_345},
    uncounted={"aten.fft": 2},
)


REAL = nnmass.tracing.trace


@pytest.fixture
def shapes(monkeypatch):
    """Tracing that answers by name; the shapes that it was called with."""
    called = []

    def trace(model, input_shape, *, name="", output=None):
        called.append(input_shape)
        if name not in CELLS:
            raise TraceError(f"{name} cannot be followed")
        rank = list(CELLS).index(name)
        return Topology(
            name=name,
            input_shape=input_shape,
            cells=CELLS[name],
            params=1_934_000 + rank,
            count=COUNT,
            depth=9 - rank,
            n_nodes=4,
            n_edges=5,
            notes=("first note", 'second, "note"') if name == MLP else (),
        )

    monkeypatch.setattr(nnmass.tracing, "trace", trace, raising=False)
    return called


pytestmark = pytest.mark.usefixtures("shapes")


def test_one_network_as_text(nnmass_cli):
    done = nnmass_cli("inspect", MLP)
    assert (done.code, done.err) == (0, "")
    header, row, _, cell_header, *rest = done.out.splitlines()
    assert header.split() == [
        "network", "NN-Mass", "density", "params", "MACs", "depth", "cells", "notes",
    ]  # fmt: skip
    mass = sum(cell.mass for cell in CELLS[MLP])
    assert row.split() == [MLP, f"{mass:.2f}", "0.433", "1.93", "M", "4.00", "M", "9", "4", "2"]
    assert cell_header.split()[-2:] == ["flag", "where"]
    assert [line.split()[0] for line in rest[:3]] == ["0", "1-2", "3"]
    assert "x 2" in rest[1]
    assert "256-64-64-256" in rest[1]
    assert "256 of 576" in rest[1]
    assert rest[1].endswith("layer1: 1.conv1 .. 2.conv3")
    assert rest[0].endswith("layer1.0: conv1 .. conv3")
    assert "1,2" in rest[2]
    assert rest[3:] == [
        "flag 1: a nested join",
        "flag 2: a long branch",
        "",
        "note: first note",
        'note: second, "note"',
    ]


def test_several_networks_as_text(nnmass_cli):
    done = nnmass_cli("inspect", MLP, PLAIN, WIDE)
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["network", MLP, PLAIN, WIDE]
    assert re.findall(r"\[(\d/3)\] (\S+): \d+\.\d\d s", done.err) == [
        ("1/3", MLP),
        ("2/3", PLAIN),
        ("3/3", WIDE),
    ]
    assert "notes are told in full for one network" in done.err
    assert "notes" not in nnmass_cli("inspect", PLAIN, WIDE).err
    assert nnmass_cli("inspect", MLP, PLAIN, "--quiet").err == ""


def test_json_is_every_topology_in_the_order_asked(nnmass_cli):
    document = nnmass_cli("inspect", PLAIN, MLP, "--json").document
    assert document["schema"] == "nnmass.inspect/1"
    assert [network["name"] for network in document["networks"]] == [PLAIN, MLP]
    assert document["failures"] == []
    plain, mlp = document["networks"]
    assert {"mass", "params", "macs", "depth", "cells", "notes", "seconds"} <= set(mlp)
    assert (plain["mass"], plain["cells"]) == (0, [])
    assert mlp["mac_count"]["by_kind"] == dict(COUNT.by_kind)
    assert len(mlp["cells"]) == 4


def test_a_mass_that_is_not_known(nnmass_cli, monkeypatch):
    lost = replace(CELLS[MLP][0], unread=("aten.odd in layer1.0",))
    monkeypatch.setitem(CELLS, MLP, (lost,))
    done = nnmass_cli("inspect", MLP, "--json", "--csv", "out.csv")
    assert "NaN" not in done.out
    assert done.document["networks"][0]["mass"] is None
    (row,) = csv.DictReader(Path("out.csv").read_text().splitlines())
    assert {row[key] for key in COLUMNS[1:5]} == {""}
    assert row["flagged_cells"] == "1"
    done = nnmass_cli("inspect", MLP)
    assert done.out.splitlines()[1].split()[1:3] == ["n/a", "n/a"]
    assert "flag 1: no mass: an operation in it could not be followed" in done.out
    order = nnmass_cli("inspect", MLP, WIDE, "--sort", "mass", "--json").document["networks"]
    assert [network["name"] for network in order] == [WIDE, MLP]


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("mass", [WIDE, MLP, PLAIN]),
        ("params", [PLAIN, WIDE, MLP]),
        ("macs", [PLAIN, MLP, WIDE]),
        ("depth", [MLP, WIDE, PLAIN]),
        ("name", [MLP, WIDE, PLAIN]),
    ],
)
def test_sorting_puts_the_largest_first(nnmass_cli, monkeypatch, key, order):
    monkeypatch.setitem(CELLS, WIDE, tuple(block(f"b{n}", 512) for n in range(9)))
    lines = nnmass_cli("inspect", PLAIN, MLP, WIDE, "--sort", key, "--quiet").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == order
    assert nnmass_cli("inspect", PLAIN, "--sort", "size").code == 2


def test_csv_has_a_row_for_each_and_the_errors(nnmass_cli):
    done = nnmass_cli("inspect", MLP, "vgg(depth=12)", PLAIN, "--csv", "a/b.csv")
    assert done.code == 3
    assert "wrote a/b.csv" in done.err
    text = Path("a/b.csv").read_text()
    assert text.splitlines()[0] == ",".join(COLUMNS)
    mlp, failed, plain = csv.DictReader(text.splitlines())
    mass = sum(cell.mass for cell in CELLS[MLP])
    assert float(mlp["mass"]) == pytest.approx(mass)
    assert float(mlp["mass_without_projections"]) == pytest.approx(mass - CELLS[MLP][0].mass)
    assert float(mlp["log_mass"]) == pytest.approx(math.log(mass))
    assert (mlp["params"], mlp["macs"], mlp["depth"]) == ("1934000", "4000000", "9")
    assert (mlp["cells"], mlp["flagged_cells"]) == ("4", "1")
    assert mlp["notes"] == 'first note | second, "note"'
    assert float(mlp["seconds"]) >= 0
    assert mlp["error"] == ""
    assert (plain["mass"], plain["log_mass"], plain["density"]) == ("0.0", "", "0.0")
    assert failed["name"] == "vgg(depth=12)"
    assert "depth must be" in failed["error"]
    assert failed["mass"] == failed["params"] == ""


def test_csv_on_stdout_stands_alone(nnmass_cli):
    done = nnmass_cli("inspect", MLP, "--csv", "-")
    assert [row["name"] for row in csv.DictReader(done.out.splitlines())] == [MLP]
    both = nnmass_cli("inspect", MLP, "--csv", "-", "--json")
    assert (both.code, both.out) == (2, "")
    assert "both want stdout" in both.err


def test_one_drawing_is_a_file(nnmass_cli):
    done = nnmass_cli("inspect", MLP, "--svg", "net.svg")
    assert done.err == "wrote net.svg\n"
    assert ElementTree.parse("net.svg").getroot().tag.endswith("svg")
    assert "cells 1-2 (x 2)" in Path("net.svg").read_text()


def test_several_drawings_are_a_folder(nnmass_cli):
    done = nnmass_cli("inspect", MLP, PLAIN, WIDE, "--svg", "drawn")
    assert f"{PLAIN} has no cells" in done.err
    assert "wrote 2 drawings into drawn" in done.err
    names = sorted(file.name for file in Path("drawn").iterdir())
    assert names == ["dense-mlp-w=8,d=4,t=1.svg", "dense-mlp-w=9,d=4,t=1.svg"]
    again = nnmass_cli("inspect", MLP, "--svg", "drawn")
    assert "wrote 1 drawing into drawn" in again.err


def test_a_file_that_cannot_be_written_comes_after_the_result(nnmass_cli):
    Path("taken").write_text("")
    done = nnmass_cli("inspect", MLP, "--svg", "taken/net.svg")
    assert done.code == 3
    assert "cannot write" in done.err
    assert MLP in done.out


def test_macs_by_module_and_by_kind(nnmass_cli):
    lines = [
        " ".join(li.split()) for li in nnmass_cli("inspect", PLAIN, "--modules").out.splitlines()
    ]
    assert lines[-5:] == [
        f"{PLAIN}: MACs by module",
        "module MACs share",
        "conv 2.50 M 62.5 %",
        "layer1 500.0 k 12.5 %",
        "(the network itself) 1.00 M 25.0 %",
    ]
    deeper = nnmass_cli("inspect", PLAIN, MLP, "--level", 2).out
    assert re.search(r"layer1\.a +300\.0 k +7\.5 %", deeper)
    assert deeper.count("MACs by module") == 2
    kinds = nnmass_cli("inspect", PLAIN, "--macs").out
    assert re.search(r"convolution +3\.00 M +75\.0 %", kinds)
    assert re.search(r"other operations, not in MACs\n.*\nactivation +12\.3 k", kinds)
    assert re.search(r"not counted\n.*\naten.fft +2\n", kinds)


def test_the_shape_asked_for_goes_before_the_known_one(nnmass_cli, shapes):
    assert nnmass_cli("inspect", PLAIN).code == 0
    assert nnmass_cli("inspect", PLAIN, "--input", "3x64x48").code == 0
    assert nnmass_cli("inspect", PLAIN, "--input", "9").code == 0
    assert nnmass_cli("inspect", PLAIN, "--input", "3x9x9", "--input", "10").code == 0
    assert shapes[1:] == [(3, 64, 48), (9,), ((3, 9, 9), (10,))]
    assert len(shapes[0]) == 3


@pytest.mark.parametrize("text", ["3x224x", "3,224,224", "0x3", "big", "", "-1", "3x2.5"])
def test_a_shape_that_is_none(nnmass_cli, text):
    done = nnmass_cli("inspect", PLAIN, f"--input={text}")
    assert (done.code, done.out) == (2, "")
    assert f"3x224x224, got {text!r}" in done.err


def test_a_network_that_does_not_tell_its_shape(nnmass_cli, monkeypatch):
    Path("shapeless_net.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Linear(2, 3)\n"
    )
    done = nnmass_cli("inspect", "shapeless_net:make")
    assert done.code == 2
    assert "shapeless_net:make does not tell" in done.err
    assert "--input 3x224x224" in done.err
    monkeypatch.setitem(CELLS, "shapeless_net:make", ())
    assert nnmass_cli("inspect", "shapeless_net:make", "--input", "2").code == 0


def test_one_network_that_fails(nnmass_cli):
    done = nnmass_cli("inspect", "resnet(depth=18)")
    assert (done.code, done.out) == (2, "")
    assert done.err == "nnmass inspect: resnet(depth=18) cannot be followed\n"
    document = nnmass_cli("inspect", "resnet(depth=18)", "--json").document
    assert document["networks"] == []
    assert document["failures"] == [
        {"name": "resnet(depth=18)", "error": "resnet(depth=18) cannot be followed"}
    ]


def test_a_failure_does_not_stop_the_others(nnmass_cli):
    done = nnmass_cli("inspect", "resnet(depth=18)", MLP, "nothing", "--json")
    assert done.code == 3
    assert [network["name"] for network in done.document["networks"]] == [MLP]
    assert [f["name"] for f in done.document["failures"]] == ["resnet(depth=18)", "nothing"]
    assert "[1/3] resnet(depth=18): failed" in done.err
    assert "nnmass inspect: nothing: " in done.err


def test_exit_codes_when_all_fail(nnmass_cli, monkeypatch):
    assert nnmass_cli("inspect", "resnet(depth=18)", "nothing").code == 2

    def missing(text):
        raise MissingExtraError.of("timm:", package="timm", extra="zoo")

    monkeypatch.setattr("nnmass.nets.open_network", missing)
    done = nnmass_cli("inspect", "timm:resnet18")
    assert done.code == 3
    assert "pip install" in done.err


def test_patterns_name_each_network_once(nnmass_cli, monkeypatch):
    seen = []

    def match(text):
        seen.append(text)
        return (MLP, WIDE) if "*" in text else (text,)

    monkeypatch.setattr("nnmass.nets.match_networks", match)
    document = nnmass_cli("inspect", "zoo:*", MLP, PLAIN, "--json").document
    assert [network["name"] for network in document["networks"]] == [MLP, WIDE, PLAIN]
    assert seen == ["zoo:*", MLP, PLAIN]


def test_a_pattern_of_our_own_families_is_wrong_use(nnmass_cli):
    done = nnmass_cli("inspect", "resnet*", MLP)
    assert done.code == 3
    assert "nnmass inspect: resnet*: cannot list" in done.err
    assert MLP in done.out


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_an_interrupt_prints_what_is_done(nnmass_cli, monkeypatch, flag):
    def trace(model, input_shape, *, name="", real=nnmass.tracing.trace, **options):
        if name == PLAIN:
            raise KeyboardInterrupt
        return real(model, input_shape, name=name, **options)

    monkeypatch.setattr(nnmass.tracing, "trace", trace)
    done = nnmass_cli("inspect", MLP, PLAIN, WIDE, flag, "--csv", "part.csv")
    assert done.code == 130
    assert "interrupted: 1 of 3 networks were done" in done.err
    assert MLP in done.out
    assert WIDE not in done.out
    if flag == "--json":
        assert len(json.loads(done.out)["networks"]) == 1
    assert len(Path("part.csv").read_text().splitlines()) == 2


def test_the_bar_shows_name_and_count(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with counting(2, quiet=False) as tell:
        for name in ("mine:make(kind='[bold]')", "second"):
            tell(name, "")
            tell(name, "1 s")
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", sys.stderr.getvalue())
    assert "mine:make(kind='[bold]')" in text
    assert re.search(r"second .*2/2", text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["networks"]),
        ([MLP, "--level", 0], ["--level must be at least 1, got 0"]),
        (["nothing"], ["unknown family 'nothing'", "'timm:name'"]),
        (["vgg(depth=12)"], ["depth must be"]),
    ],
)
def test_wrong_use(nnmass_cli, arguments, words):
    done = nnmass_cli("inspect", *arguments)
    assert (done.code, done.out) == (2, "")
    assert all(word in done.err.lower() for word in words), done.err


def test_help_says_what_masses_are_comparable(nnmass_cli):
    text = " ".join(nnmass_cli("inspect", "--help").out.split())
    assert "comparable within one family at one width" in text
    assert "Exit code" in text
    assert text.count("nnmass inspect ") == 4


SKIPPING = """
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))

    def forward(self, x):
        return x + self.b(self.a(x).relu())

def make(width=4, blocks=3):
    return nn.Sequential(nn.Conv2d(3, width, 1), *(Block(width) for _ in range(blocks)))
"""


def test_a_real_network_from_the_command_line_to_its_numbers(nnmass_cli, monkeypatch):
    monkeypatch.setattr(nnmass.tracing, "trace", REAL)
    Path("skipping_net.py").write_text(SKIPPING)
    call = "skipping_net:make(blocks=5)"
    done = nnmass_cli("inspect", call, "--input", "3x8x8", "--json", "--svg", "net.svg")
    (network,) = done.document["networks"]
    assert network["mass"] == 5 * 8  # density 1, conv inputs 4 + 4
    assert network["params"] == 16 + 5 * 2 * 4 * 4 * 9
    assert network["macs"] == 64 * (12 + 5 * 2 * 4 * 4 * 9)
    assert network["depth"] == 11
    assert "cells 0-4 (x 5)" in Path("net.svg").read_text()
    wrong = nnmass_cli("inspect", call, "--input", "5x8x8")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("nnmass inspect: ")


def test_a_spec_has_the_mass_of_its_closed_form(nnmass_cli, monkeypatch):
    monkeypatch.setattr(nnmass.tracing, "trace", REAL)
    text = "dense-cnn(wm=1,d=6/6,t=9/20,in=1,image=8)"
    (network,) = nnmass_cli("inspect", text, "--json").document["networks"]
    spec = nnmass.parse(text)
    assert network["mass"] == pytest.approx(spec.mass)
    assert (network["params"], network["macs"]) == (spec.params, spec.macs)


def test_the_output_to_follow_is_named(nnmass_cli, monkeypatch):
    monkeypatch.setattr(nnmass.tracing, "trace", REAL)
    Path("two_heads.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    input_shape = (4,)\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)\n"
        "    def forward(self, x):\n"
        "        x = self.a(x)\n"
        "        return {'early': x, 'late': self.b(x)}\n"
    )
    for asked, depth in ({"early": 1, "1": 2, "-2": 1}).items():
        done = nnmass_cli("inspect", "two_heads:Net", "--output", asked, "--json")
        assert done.document["networks"][0]["depth"] == depth
    done = nnmass_cli("inspect", "two_heads:Net", "--output", "lat")
    assert done.code == 2
    assert "no output 'lat'. Did you mean 'late'? It gives 2: 'early', 'late'" in done.err


def test_the_csv_is_kept_up_to_date(nnmass_cli, monkeypatch, tmp_path):
    seen, file = [], tmp_path / "masses.csv"
    answer = nnmass.tracing.trace

    def trace(model, shape, **options):
        seen.append(len(file.read_text().splitlines()) if file.exists() else 0)
        return answer(model, shape, **options)

    monkeypatch.setattr(nnmass.tracing, "trace", trace)
    monkeypatch.setattr("nnmass.cli._inspection.KEPT_EVERY_S", -1.0)
    nnmass_cli("inspect", MLP, WIDE, PLAIN, "--csv", str(file))
    assert seen == [0, 2, 3]
    assert len(file.read_text().splitlines()) == 4
