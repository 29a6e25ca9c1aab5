import pytest

from nnmass.studies import TimeLeft, time_left


def test_equal_trials_take_equal_times():
    found = time_left([(10.0, 2.0)] * 5, [10.0] * 20, workers=2, elapsed_s=5.0)
    assert found == TimeLeft(low=20.0, high=20.0)


def test_unlike_trials_give_a_range():
    found = time_left([(10.0, 2.0)], [10.0, 30.0], workers=1, elapsed_s=2.0)
    assert (found.low, found.high) == (4.0, 8.0)  # as many trials; as many multiply-adds


def test_what_workers_wait_for_counts():
    found = time_left([(10.0, 2.0)] * 2, [10.0] * 2, workers=2, elapsed_s=8.0)
    assert found.low == found.high == pytest.approx(2.0 * 8.0 * 2 / 4.0)


def test_nothing_is_known_before_the_first_result():
    assert time_left([], [1.0], workers=2, elapsed_s=9.0) is None
    assert time_left([(1.0, 1.0)], [], workers=2, elapsed_s=9.0) == TimeLeft(low=0.0, high=0.0)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (3, 3.2, "3 s"),
        (50, 90, "50 to 90 s"),
        (600, 1200, "10 to 20 min"),
        (3600, 9000, "1.0 to 2.5 h"),
    ],
)
def test_words(low, high, words):
    assert str(TimeLeft(low=low, high=high)) == words
