from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.design import Choices
from nnmass.design._choices import read_choices
from nnmass.errors import SpecError

VALUES = st.sets(
    st.one_of(st.integers(0, 400), st.integers(1, 400).map(lambda n: n / 100)), min_size=1
)


@given(VALUES)
def test_what_is_printed_reads_back(values):
    choices = Choices(tuple(values))
    assert Choices.read(str(choices)) == choices
    assert list(choices.values) == sorted(set(choices.values))


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 9))
def test_ranges_hold_what_counting_gives(low, more, step):
    high = low + more
    assert Choices.read(f"{low}..{high}..{step}").values == tuple(range(low, high + 1, step))
    assert Choices.read(f"{low}..{high}").values == tuple(range(low, high + 1))


def test_decimals_are_exact():
    choices = Choices.read("0.1..1..0.1")
    assert choices.values == tuple(k / 10 for k in range(1, 11))
    assert [type(v) for v in (choices.values[0], choices.values[-1])] == [float, int]
    assert str(choices) == "0.1..1..0.1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3", "3"),
        ("3..4", "3..4"),
        ("3|4", "3..4"),
        ("3|5", "3|5"),
        ("3|5|7", "3..7..2"),
        ("7|3|5|3", "3..7..2"),
        ("1..3|9", "1|2|3|9"),
        ("*", "*"),
        ("*..1", "*"),
        ("*..8", "*..8"),
        (" 4 ", "4"),
        ("5..5", "5"),
    ],
)
def test_canonical_texts(text, shown):
    assert str(Choices.read(text)) == shown
    assert Choices.read(shown) == Choices.read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5..3", "the range 5..3 is empty"),
        ("1..9..0", "a step must be above 0"),
        ("1..9..-2", "a step must be above 0"),
        ("*..0", "a step must be above 0"),
        ("1..", "'1..' is no number"),
        ("..4", "'..4' is no number"),
        ("", "'' is no number"),
        ("a..b", "'a..b' is no number"),
        ("1|", "'' is no number"),
        ("1..1000000", "holds 1,000,000 values, at most 100,000"),
        ("1..70000|70000..140000", "holds 140,000 values, at most 100,000"),
        ("1..2..1e-298", "holds 1e+298 values, at most 100,000"),
        ("1e999999999", "'1e999999999' is too large or too small a number"),
        ("1..2..1e-999999999", "'1e-999999999' is too large or too small a number"),
        ("1_0", "'1_0' is no number"),
        ("٣", "'٣' is no number"),
        ("nan", "'nan' is no number"),
        ("1..inf", "'1..inf' is no number"),
        ("**", "'**' is no number"),
    ],
)
def test_what_is_no_choice(text, words):
    with pytest.raises(SpecError) as caught:
        read_choices(text, "dense-cnn: d")
    message = str(caught.value)
    assert message.startswith("dense-cnn: d: ")
    assert words in message
    assert "LOW..HIGH" in message


def test_first():
    assert Choices.read("*").first == 0
    assert Choices.read("9|4").first == 4
    assert Choices.of(7).values == (7,)
    assert Fraction(str(Choices.of([0.3, 0.1]).first)) == Fraction(1, 10)
