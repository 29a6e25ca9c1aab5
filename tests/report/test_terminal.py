import io
import re

import pytest
from rich.console import Console

from nnmass.report import Column, Table, render_table

SPECS = ("dense-cnn(wm=1,d=21,t=20/40/60,in=3,image=32,classes=100)", "vgg(depth=16)")
NUMBERS = (("250.7", "1.94 M", "97.8 ± 0.2"), ("1.0", "138.36 M", "9.0 ± 12.5"))
COLUMNS = (Column("network", "left"), Column("NN-Mass"), Column("params"))
TABLE = Table(
    (*COLUMNS, Column("test accuracy", unit="%")),
    tuple((spec, *numbers) for spec, numbers in zip(SPECS, NUMBERS, strict=True)),
    "Two [bold]nets",
)


def shown(table, *, width=80, terminal=True, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    render_table(
        table,
        console=Console(file=file, width=width, force_terminal=terminal, color_system=None),
    )
    file.seek(0)
    return file.read().splitlines()


def test_a_pipe_gets_plain_columns_that_start_and_end_alike():
    title, *lines = shown(TABLE, terminal=False, width=20)
    assert title == "Two [bold]nets"
    assert [re.split(r"  +", line) for line in lines] == [
        ["network", "NN-Mass", "params", "test accuracy (%)"],
        *[[spec, *row] for spec, row in zip(SPECS, NUMBERS, strict=True)],
    ]
    for column in range(3):  # numbers end where their header ends
        cells = ["NN-Mass", "params", "test accuracy (%)"], *NUMBERS
        ends = {
            line.index(row[column]) + len(row[column])
            for line, row in zip(lines, cells, strict=True)
        }
        assert len(ends) == 1
    assert not re.search("[─│┃━|]", "".join(lines))


def test_left_columns_of_a_pipe_start_alike_behind_wide_characters():
    table = Table((Column("a", "left"), Column("b", "left")), (("宽宽", "x"), ("narrow", "x")))
    assert shown(table, terminal=False) == ["a       b", "宽宽    x", "narrow  x"]


@pytest.mark.parametrize("width", [48, 60, 80, 120])
def test_a_terminal_never_cuts_and_never_folds_a_number(width):
    lines = shown(TABLE, width=width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    for number in (number for row in NUMBERS for number in row):
        assert any(number in line for line in lines), number
    joined = "".join(re.sub(r"\s", "", line[: len(SPECS[0])]) for line in lines)
    for piece in SPECS[0].split(","):
        assert piece in joined or piece in "".join(lines)


def test_a_terminal_folds_specs_behind_commas_under_a_rule():
    title, head, *lines = shown(TABLE, width=80)
    _rule, first, second, *_ = lines[lines.index("─" * 80) :]
    assert title == "Two [bold]nets"
    assert head.split()[0] == "network"
    assert first.startswith("dense-cnn(wm=1,d=21,t=20/40/60,in=3,image=32,")
    assert second.strip() == "classes=100)"


def test_too_narrow_for_the_numbers_means_a_list():
    lines = shown(TABLE, width=30)
    assert "NN-Mass            250.7" in lines
    assert "test accuracy (%)  97.8 ± 0.2" in lines


def test_optional_columns_give_way_before_the_table_becomes_a_list():
    columns = (
        Column("network", "left"),
        Column("NN-Mass"),
        Column("kind", "left", is_optional=True),
        Column("where", "left", is_optional=True),
    )
    row = ("densenet", "1234567890.12", "concatenation", "features.denseblock1.denselayer2")
    table = Table(columns, (row,))
    everything = " ".join(shown(table, width=100))
    assert row[3] in everything
    assert "not shown" not in everything
    lines = shown(table, width=40)
    assert lines[0].split() == ["network", "NN-Mass", "kind"]
    assert lines[-1] == "(not shown, the terminal being too narrow: where)"
    lines = shown(table, width=25)
    assert lines[0].split() == ["network", "NN-Mass"]
    assert "too narrow: kind, where" in lines[-1]
    assert "where    features.densebl" in shown(table, width=12)  # a list leaves nothing out
    assert row[3] in " ".join(shown(table, width=12, terminal=False))


def test_control_characters_do_not_reach_the_terminal():
    table = Table((Column("a\n", "left"),), (("\x1b[31mred\r\n",),))
    for terminal in (True, False):
        assert "\x1b[31m" not in "\n".join(shown(table, terminal=terminal))
        assert len(shown(table, terminal=terminal)) == (3 if terminal else 2)
