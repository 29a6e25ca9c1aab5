"""What importing and the cheap calls may load; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nnmass
import nnmass.specs
import nnmass.topology

WATCHED = ("torch", "numpy", "typer", "rich", "jinja2", "safetensors")


def loaded_by(code: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter has loaded after ``code``."""
    report = f"{code}\nimport sys\nprint(*[n for n in {WATCHED!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import nnmass",
        "import nnmass; nnmass.__version__; dir(nnmass)",
        "import nnmass.topology, nnmass.specs, nnmass.errors",
        "import nnmass; nnmass.Cell(8, 16, 1).average_degree.to_dict()",
        "import nnmass; nnmass.parse('dense-cnn(wm=2,d=13,t=40/80/125)').to_json()",
        "import nnmass; s = nnmass.parse('resnet(depth=50)'); s.mass, s.params, s.macs",
        "import nnmass; s = nnmass.parse('densenet(depth=121)'); s.mass, s.params, s.macs",
        "import nnmass; nnmass.mean_singular_value(8, 16)",
        "import nnmass; nnmass.MassRule(count_projections=False)",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded_by(code) == set()


@pytest.mark.parametrize(
    "code",
    [
        "import nnmass; nnmass.cell_mass(8, 16, [1, 2])",
        "from nnmass.topology import DenseBlocks",
        "from nnmass.specs import price_dense_blocks, compressed_channels",
        "import nnmass; nnmass.link_cap_for_mass(8, 16, 17)",
        "from nnmass.design import LatencyTable, measure_latency_table",
        "from nnmass.topology import Cell, draw_links; draw_links(Cell(8, 16, 1), seed=0)",
    ],
)
def test_arrays_load_numpy_alone(code):
    assert loaded_by(code) == {"numpy"}


@pytest.mark.parametrize("package", ["numpy", "jinja2"])
def test_the_check_sees_what_is_loaded(package):
    assert package in loaded_by(f"import {package}, nnmass")


def test_the_check_fails_with_the_code():
    with pytest.raises(subprocess.CalledProcessError):
        loaded_by("import nnmass; nnmass.nothing_of_this_name")


CORE = {"Cell", "MassRule", "cell_mass", "link_cap_for_mass", "mean_singular_value", "parse"}


def test_dir_lists_the_public_names_once():
    names = dir(nnmass)
    assert {*CORE, "__version__"} <= set(names)
    assert len(names) == len(set(names))
    assert names == sorted(names)
    listed = "import nnmass; assert set({}) <= set(dir(nnmass))"
    assert loaded_by(listed.format(sorted(CORE))) == set()


@pytest.mark.parametrize("name", sorted(CORE))
def test_public_names_are_those_of_their_rooms(name):
    room = nnmass.specs if name == "parse" else nnmass.topology
    assert getattr(nnmass, name) is getattr(room, name)
    assert getattr(nnmass, name).__doc__


def test_unknown_names():
    with pytest.raises(AttributeError, match=r"^module 'nnmass' has no attribute 'Cel'$"):
        nnmass.Cel  # noqa: B018
    with pytest.raises(AttributeError, match=r"^module 'nnmass.topology' has no attribute 'no'$"):
        nnmass.topology.no  # noqa: B018
    with pytest.raises(ImportError):
        from nnmass import nothing  # noqa: F401


@pytest.mark.parametrize(
    "code",
    [
        "import nnmass; design = nnmass.design",
        "import nnmass.design; design = nnmass.design",
        "from nnmass.design import Front; import nnmass; design = nnmass.design",
        "from nnmass.design import design",
        "from nnmass import design",
    ],
)
def test_design_is_called_whichever_way_it_was_imported(code):
    call = "print(len(design('dense-cnn', like='dense-cnn(wm=1,d=6,t=4/4)')) > 2)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{call}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
