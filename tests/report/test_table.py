import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.errors import SpecError
from nnmass.report import Column, Table

cells = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n))))
def test_csv_reads_back_as_it_was(rows):
    width = len(rows[0]) if rows else 2
    columns = tuple(Column(f"c{i}, {i}") for i in range(width))
    text = Table(columns, tuple(map(tuple, rows))).to_csv()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[c.name for c in columns], *rows]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(SpecError, match=r"row 1 of Table 'nets' has 1 cells .* there are 2"):
        Table((Column("a"), Column("b")), (("1", "2"), ("3",)), "nets")
    with pytest.raises(SpecError, match="no columns"):
        Table((), ())
