import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.report._axis import Axis


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 10, ["0", "2", "4", "6", "8", "10"]),
        (95.8, 98.0, ["96.0", "96.5", "97.0", "97.5", "98.0"]),
        (0, 8e6, ["0", "2 M", "4 M", "6 M", "8 M"]),
        (-1, 1, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
    ],
)
def test_linear_ticks_as_a_person_would_choose_them(low, high, labels):
    assert [label for _, label in Axis.around([low, high], 0, 330, name="x").ticks()] == labels


@given(
    st.floats(-1e9, 1e9),
    st.floats(1e-6, 1e9),
    st.booleans(),
    st.sampled_from([(0, 600), (380, 40)]),
)
def test_ticks_lie_inside_and_say_their_value(low, span, log, ends):
    if log:
        low = abs(low) + 1e-3
    high = low + max(span, 1e-6 * abs(low))
    axis = Axis.around([low, high], *ends, name="x", log=log)
    ticks = axis.ticks()
    assert len(ticks) >= 2
    values = [value for value, _ in ticks]
    assert values == sorted(set(values))
    scales = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    for value, label in ticks:
        assert min(ends) - 0.01 <= axis.position(value) <= max(ends) + 0.01
        number, _, prefix = label.partition(" ")
        assert float(number) * scales[prefix] == pytest.approx(value, rel=1e-3, abs=1e-9)
