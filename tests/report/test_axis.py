import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.errors import SpecError
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


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("low", "high"),
    [(5, 5), (1e16, 1e16 + 2), (1, 1 + 1e-15), (1, 1.000001), (1e-99, 1e99), (1e-50, 2e-50)],
)
def test_odd_stretches_still_get_ticks_in_order(low, high, log):
    axis = Axis.around([low, high], 0, 700, name="x", log=log)
    places = [axis.position(value) for value, _ in axis.ticks()]
    assert len(places) >= 2
    assert places == sorted(set(places))
    assert 0 < axis.position(low) <= axis.position(high) < 700


@pytest.mark.parametrize("value", [1e101, -1e101, float("nan"), float("-inf")])
def test_values_without_a_place_are_refused(value):
    with pytest.raises(SpecError, match="loss must be finite, got"):
        Axis.around([0.0, value], 0, 700, name="loss")


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


def test_a_short_log_stretch_is_marked_on_both_sides_of_a_decade():
    axis = Axis.around([599_000, 1_940_000], 0, 750, name="x", log=True)
    labels = [label for _, label in axis.ticks()]
    assert labels[0] == "600 k"
    assert labels[-1] == "2 M"
    assert "1 M" in labels
