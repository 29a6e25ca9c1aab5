import re
from dataclasses import replace

import pytest

import nnmass
from nnmass.design import AdditiveError, Prediction, design, pareto_front
from nnmass.report import (
    are_short,
    design_claim,
    design_limits,
    design_table,
    flag_lines,
    format_bytes,
    format_digits,
    front_claim,
    front_limits,
    front_table,
    latency_line,
    network_names,
    render_html,
    report_design,
)

LIKE = "dense-cnn(wm=2,d=21,t=40/80/125)"


def column(table, name, *, nth=0):
    at = [i for i, c in enumerate(table.columns) if c.name == name][nth]
    return [row[at] for row in table.rows]


# --- names


def test_short_specs_stand_in_full():
    specs = [nnmass.parse(t) for t in (LIKE, "dense-cnn(wm=2,d=9,t=1/2/3)")]
    assert network_names(specs) == [str(spec) for spec in specs]
    assert not are_short(specs)
    assert network_names([]) == []


def test_long_specs_are_told_by_what_differs():
    base = "1:16:{}:1/{}:24:2:2/6:32:3:2/6:64:4:2/6:96:3:1/6:160:3:2/6:320:1:1"
    variants = [(1, 1, 6), (1, 2, 6), (1.1, 2, 4)]
    specs = [nnmass.parse(f"mobilenet-v2(wm={w},rows={base.format(n, t)})") for w, n, t in variants]
    assert network_names(specs) == [
        "wm=1, expansions=1/6/6/6/6/6/6, blocks=1/2/3/4/3/3/1",
        "wm=1, expansions=1/6/6/6/6/6/6, blocks=2/2/3/4/3/3/1",
        "wm=1.1, expansions=1/4/6/6/6/6/6, blocks=2/2/3/4/3/3/1",
    ]
    assert are_short(specs)
    assert len(set(network_names(specs))) == 3
    alone = specs[1:2]
    assert network_names(alone) == [str(alone[0])]  # nothing differs
    layouts = [f"densenet(blocks={n}/12/24/16,growth=48,first=64,image=192,in=4)" for n in (6, 7)]
    names = network_names([nnmass.parse(t) for t in layouts])
    assert names == ["blocks=6/12/24/16", "blocks=7/12/24/16"]


# --- tables


def test_the_table_has_every_number_of_the_candidates():
    front = design(like=LIKE, top=3)
    table = design_table(front)
    shown = [front.reference, *front]
    assert column(table, "") == ["ref", "1", "2", "3"]
    assert column(table, "network") == [str(one.spec) for one in shown]
    assert column(table, "NN-Mass") == [f"{one.mass:.2f}" for one in shown]
    for nth, cost in enumerate(("params", "macs")):
        ratios = [getattr(front.reference, cost) / getattr(one, cost) for one in shown]
        assert column(table, "fewer", nth=nth) == [f"{ratio:.2f}x" for ratio in ratios]
    assert column(table, "memory")[1] == "880 KiB"
    assert set(column(table, "accuracy")) == {"no fit"}
    assert {c.name for c in table.columns} & {"latency", "flag", "least in"} == set()
    assert [c.name for c in table.columns if c.is_optional] == ["memory", "accuracy"]


def test_what_a_budget_bounds_is_never_left_out():
    for front in (
        design(like=LIKE, max_memory=1e6, top=1),
        design(like=LIKE, objective="memory", top=1),
    ):
        optional = [c.name for c in design_table(front).columns if c.is_optional]
        assert optional == ["accuracy"]


def test_latency_and_predictions():
    front = design(like=LIKE, top=2)
    first, second = front
    seen = Prediction(accuracy=93.14, low=92.0, high=94.25)
    far = replace(seen, extrapolates=True)
    front = replace(
        front,
        candidates=(
            replace(first, latency_ms=12.345, accuracy=seen),
            replace(second, latency_ms=0.5, accuracy=far),
        ),
    )
    table = design_table(front)
    assert column(table, "latency") == ["n/a", "12.3", "0.5"]
    assert column(table, "accuracy") == [
        "no fit",
        "93.1 (92.0 to 94.2)",
        "93.1 (92.0 to 94.2, extrapolated)",
    ]


def test_flags_are_letters_with_a_reason_each():
    front = design(like=LIKE, depth=(3, 12), top=9)
    table, lines = design_table(front), flag_lines(front)
    inside = [not one.outside for one in front]
    assert [flag == "" for flag in column(table, "flag")] == [True, *inside]
    assert not all(inside)
    assert any(inside)
    n_outside = inside.index(True)
    assert lines == [
        f"flag {letter}: cell {cell} has a depth outside 10 to 21 (1 to {n_outside})"
        for cell, letter in enumerate("abc")
    ]
    assert column(table, "flag")[1] == "abc"
    assert flag_lines(front[n_outside:]) == []
    assert flag_lines(front[:n_outside])[0].endswith("(all)")
    picked = [front[0], front[-1], front[1], front[2], front[3], front[-2], front[4]]
    assert flag_lines(picked)[0].endswith("(1, 3 to 5, 7)")


def test_the_table_of_a_front():
    front = pareto_front(like="mobilenet-v2", levels=4)
    table = front_table(front)
    assert len(table.rows) == len(front.points) + 1
    words = {("params",): "params", ("macs",): "MACs", ("params", "macs"): "all"}
    assert column(table, "least in") == ["", *(words[p.least] for p in front.points)]
    bare = front_table(pareto_front("dense-mlp", levels=3))
    assert "fewer" not in {c.name for c in bare.columns}
    assert bare.rows[0][0] == "1"


# --- words


def test_nothing_unproven_is_claimed():
    front = replace(design(like=LIKE, top=2), is_optimal=False)
    assert design_claim(front).startswith("1 is the best that was found of the ")
    assert "not proven that none within the limits has fewer parameters" in design_claim(front)
    pareto = replace(pareto_front(like=LIKE, levels=2), is_optimal=False)
    assert front_claim(pareto).startswith("Each is the best that was found, and some may be")
    for claim in (design_claim(front), front_claim(pareto)):
        assert "is optimal" not in claim


def test_claims():
    front = design(like=LIKE, top=3)
    assert design_claim(front) == (
        "1 is optimal: of the 9,291,316,684 networks of dense-cnn(wm=2,d=10..21,t=*/*/*) none "
        "within the limits has fewer parameters; each next one is optimal among those that differ "
        "from all before it."
    )
    words = {"macs": "fewer MACs", "memory": "needs less memory", "params": "fewer parameters"}
    for objective, said in words.items():
        assert said in design_claim(design(like=LIKE, objective=objective, top=1))
    most = design(space="dense-mlp(w=8,d=4..9,t=*)", objective="mass", max_params=9000, top=1)
    assert design_claim(most).endswith("none within the limits has more NN-Mass.")
    shared = design(like=LIKE, objective="mass", max_params=3e6, top=1)
    assert "keeps a larger share of the reference's NN-Mass in every part" in design_claim(shared)
    front = pareto_front("dense-mlp", levels=3)
    assert f"of the {front.n_covered:,} networks of {front.space} with as much" in front_claim(
        front
    )


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            {"like": LIKE},
            "Limits: NN-Mass of at least 83.12/166.23/262.50, the reference's in every cell; at "
            "most 7.82 M params and 1.20 G MACs, the reference's own.",
        ),
        (
            {"like": LIKE, "match": "network", "max_params": 4e6, "max_macs": float("inf")},
            "Limits: NN-Mass of at least 511.85, the reference's; at most 4.00 M params.",
        ),
        (
            {"like": LIKE, "mass": 100, "max_memory": 2**20},
            "Limits: NN-Mass of at least 16.24/32.48/51.28, shared out as in the reference over "
            "every cell; at most 1.00 MiB of feature maps; at most 7.82 M params and 1.20 G MACs, "
            "the reference's own.",
        ),
        (
            {"family": "dense-mlp", "mass": (10, 20.5)},
            "Limits: NN-Mass of at least 10.00; NN-Mass of at most 20.50.",
        ),
    ],
)
def test_limits(asked, line):
    assert design_limits(design(**asked, top=1)) == line


def test_limits_of_a_front():
    assert front_limits(pareto_front("dense-mlp", levels=2)) == ""
    like = pareto_front(like=LIKE, levels=2, max_params=5e6)
    assert front_limits(like) == (
        "Limits: NN-Mass shared out over the cells as in the reference; at most 5.00 M params."
    )


def test_the_error_of_latencies():
    error = AdditiveError(n_networks=1, median=0.1, largest=0.1, bias=0.1, is_corrected=False)
    assert "beside 1 whole network they were 10.0 % off" in latency_line(error)
    assert latency_line(error).endswith("mostly too high.")
    assert latency_line(replace(error, bias=-0.1)).endswith("mostly too low.")


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (901_120, "880 KiB"),
        (2**20 - 1, "1.00 MiB"), (2**20, "1.00 MiB"), (30 * 2**20, "30.0 MiB"),
        (2**30, "1.00 GiB"), (2**50, "1024 TiB"),
    ],
)  # fmt: skip
def test_bytes(n, text):
    assert format_bytes(n) == text


def test_digits():
    assert [format_digits(x) for x in (1234.5, 99.94, 1.0, 0.02, 0.0009)] == [
        "1234", "99.9", "1", "0.02", "0.0009",
    ]  # fmt: skip


# --- the page


def test_the_page_has_all_of_it():
    asked = {"like": "mobilenet-v2(stem=cifar,image=32,classes=10)"}
    front, pareto = design(**asked, top=3), pareto_front(**asked, levels=3)
    error = AdditiveError(n_networks=3, median=0.04, largest=0.07, bias=0.01, is_corrected=False)
    report = report_design(front, pareto, error=error, provenance={"command": "nnmass design"})
    assert [section.heading for section in report.sections] == [
        "The networks", "What a mass costs at least", "The networks of the front", "The skips",
    ]  # fmt: skip
    networks, picture, points, skips = report.sections
    for said in (design_claim(front), design_limits(front), latency_line(error)):
        assert said in networks.text
    assert networks.tables[0] == design_table(front)
    assert [row[1] for row in networks.tables[1].rows] == [str(one.spec) for one in front]
    assert len(picture.figures) == 1
    assert points.tables[0] == front_table(pareto)
    assert [figure.caption for figure in skips.figures] == [
        "The skips of the best network.",
        "The skips of the reference network.",
    ]
    assert report.answer.startswith(str(front[0].spec))
    page = render_html(report)
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert page == render_html(
        report_design(front, pareto, error=error, provenance={"command": "nnmass design"})
    )


def test_pages_without_candidates_or_a_reference():
    pareto = pareto_front("dense-mlp", levels=3)
    report = report_design(None, pareto)
    assert report.answer == front_claim(pareto)
    assert [section.heading for section in report.sections] == ["The networks of the front"]
    assert report.sections[0].text == ""
    error = AdditiveError(n_networks=3, median=0.04, largest=0.07, bias=0.01, is_corrected=False)
    assert report_design(None, pareto, error=error).sections[0].text == latency_line(error)
    front = design("dense-mlp", mass=20, top=2)
    report = report_design(front, pareto)
    assert report.answer == design_claim(front)
    assert report.title == f"Networks of {front.space}"
    assert "reference" not in " ".join(f.caption for s in report.sections for f in s.figures)
    render_html(report)
